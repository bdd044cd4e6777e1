// What the guide says of each step's parameters, written from the schemas that check them.

import { z } from 'zod';
import { stepRequestSchema } from '../src/model/pipeline.ts';
import { steps } from '../src/steps/index.ts';

interface Described {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Described>>;
}

/** A table for what every step takes, and one for each step. */
export function stepParameters(): string {
  const { step: _, ...common } = stepRequestSchema.shape;
  const parts = [`Every step:\n\n${table(z.object(common))}`];
  for (const { kind, about, params } of steps) parts.push(`### ${kind}\n\n${about}.\n\n${table(params)}`);
  return parts.join('\n\n');
}

function table(schema: z.ZodObject): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described;
  const rows = Object.entries(properties).map(([key, { description = '', default: given }]) => {
    const said = given === undefined ? 'none' : `\`${JSON.stringify(given)}\``;
    return `| \`${key}\` | ${said} | ${description.replaceAll('|', '\\|')} |`;
  });
  return ['| parameter | default | what it is |', '| --- | --- | --- |', ...rows].join('\n');
}
