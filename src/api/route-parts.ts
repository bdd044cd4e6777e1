// What many routes take: an id, a place in a list, how much of it.

import { z } from 'zod';

export const id = z.object({ id: z.string().min(1).max(64) });
export const cursor = z.string().min(1).max(4096).optional().describe('`nextCursor` of the page before');
export const limit = z.coerce.number<number>().int().min(1).max(1000).default(100);
