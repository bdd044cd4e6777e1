// Reads a copy's request without zod, whose loading takes longer than a small file's whole copy: what is plainly well formed, and nothing else.

import type { Preserve } from './moving.ts';
import type { CopySpec } from './specs.ts';

interface Field<Value> {
  readonly missing: Value;
  takes(value: unknown): boolean;
}

const yesOrNo = (missing: boolean): Field<boolean> => ({ missing, takes: (value) => typeof value === 'boolean' });

function oneOf<Value extends string>(missing: NoInfer<Value>, words: readonly Value[]): Field<Value> {
  return { missing, takes: (value) => (words as readonly unknown[]).includes(value) };
}

const whole = (missing: number, least: number, most: number): Field<number> => ({
  missing,
  takes: (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
});

function orNull<Value>({ takes }: Pick<Field<Value>, 'takes'>): Field<Value | null> {
  return { missing: null, takes: (value) => value === null || takes(value) };
}

const isText = (value: unknown) => typeof value === 'string';
const texts: Field<string[]> = { missing: [], takes: (value) => Array.isArray(value) && value.every(isText) };

const preserveFields: { readonly [Name in keyof Preserve]: Field<boolean> } = {
  mtime: yesOrNo(true),
  mode: yesOrNo(true),
  owner: yesOrNo(false),
  xattrs: yesOrNo(false),
  sparse: yesOrNo(false),
};

type Wishes = Omit<CopySpec, 'kind' | 'sources' | 'destination' | 'preserve'>;

/** What copySpecSchema says of each, for values that it would take as they are. */
const wishFields: { readonly [Name in keyof Wishes]: Field<Wishes[Name]> } = {
  conflict: oneOf('overwrite', ['skip', 'rename', 'overwrite', 'newer', 'fail']),
  checksum: yesOrNo(false),
  move: yesOrNo(false),
  copies: whole(1, 1, 16),
  dryRun: yesOrNo(false),
  verify: oneOf('read-back', ['read-back', 'far-hash', 'size']),
  hash: orNull(oneOf('xxh128-8m', ['xxh128-8m', 'sha256', 'blake3'])),
  transport: oneOf('auto', ['auto', 'rsync', 'sftp', 'tar']),
  symlinks: oneOf('skip', ['skip', 'keep', 'follow']),
  include: texts,
  exclude: texts,
  bandwidth: orNull<string>({ takes: isText }),
  reserveBytes: whole(0, 0, Number.MAX_SAFE_INTEGER),
  transfers: orNull(whole(1, 1, 64)),
  priority: whole(0, -100, 100),
};

/** As copySpecSchema reads it; null for whatever is not plainly in order, which the schema may still take, or say what is wrong with. */
export function plainCopySpec(request: unknown): CopySpec | null {
  if (!isObject(request)) return null;
  const { kind, sources, destination, preserve = {}, ...wishes } = request;
  if (kind !== 'copy' || typeof destination !== 'string' || destination === '') return null;
  if (!texts.takes(sources)) return null;
  const from = sources as string[];
  if (from.length === 0 || from.includes('')) return null;
  const kept = withDefaults<Preserve>(preserve, preserveFields);
  const wished = withDefaults<Wishes>(wishes, wishFields);
  if (kept === null || wished === null) return null;
  return { kind, sources: from, destination, preserve: kept, ...wished };
}

function withDefaults<All extends object>(
  given: unknown,
  fields: { readonly [Name in keyof All]: Field<All[Name]> },
): All | null {
  if (!isObject(given) || Object.keys(given).some((name) => !Object.hasOwn(fields, name))) return null;
  const read: Partial<All> = {};
  for (const name of Object.keys(fields) as (keyof All & string)[]) {
    const value = given[name];
    if (value !== undefined && !fields[name].takes(value)) return null;
    read[name] = value === undefined ? fields[name].missing : (value as All[typeof name]);
  }
  return read as All;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
