// Sizes in requests and configurations, apart from size.ts: whoever only reads a size need not load zod.

import { z } from 'zod';
import type { Fault } from './fault.ts';
import { parseSize } from './size.ts';

/** A size in a request or a configuration: whole bytes, or text with a unit; read as bytes. */
export const sizeSchema = z.union([z.int().nonnegative(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  try {
    return parseSize(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Fault).message });
    return z.NEVER;
  }
});
