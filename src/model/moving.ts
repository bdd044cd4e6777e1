// What every kind of job can be told of how its bytes move; the requests of all modes share it.

import { z } from 'zod';
import { sizeSchema } from './size-schema.ts';

export const conflictSchema = z.enum(['skip', 'rename', 'overwrite', 'newer', 'fail']);
/** What happens where the destination already has that name. */
export type Conflict = z.infer<typeof conflictSchema>;

export const preserveSchema = z.strictObject({
  mtime: z.boolean().default(true),
  mode: z.boolean().default(true),
  owner: z.boolean().default(false),
  xattrs: z.boolean().default(false),
  /** Holes stay holes. */
  sparse: z.boolean().default(false),
});
export type Preserve = z.infer<typeof preserveSchema>;

export const symlinkPolicySchema = z.enum(['skip', 'keep', 'follow']);
export type SymlinkPolicy = z.infer<typeof symlinkPolicySchema>;

export const verifySchema = z.enum(['read-back', 'far-hash', 'size']);
export const hashAlgorithmSchema = z.enum(['xxh128-8m', 'sha256', 'blake3']);

export const transportSchema = z.enum(['auto', 'rsync', 'sftp', 'tar']);
/** `auto` takes the best of what both sides have; what is named must be there. */
export type Transport = z.infer<typeof transportSchema>;

/** What every kind of job can be told of how its bytes move. */
export const moving = {
  /** The default proves by reading back what was written. */
  verify: verifySchema.default('read-back'),
  /** Null chooses: the fast hash for local targets, SHA-256 where a far side must agree. */
  hash: hashAlgorithmSchema.nullable().default(null),
  preserve: preserveSchema.prefault({}),
  /** How files of a host over SSH are reached; `auto` takes the best that both sides have. */
  transport: transportSchema.default('auto'),
  symlinks: symlinkPolicySchema.default('skip'),
  /** Globs on the path below the source; `include` wins over `exclude`. */
  include: z.array(z.string()).default([]),
  exclude: z.array(z.string()).default([]),
  /** Bytes a second (`2M`), `off`, or a timetable (`08:00,2M 19:00,off`). */
  bandwidth: z.string().nullable().default(null),
  /** Free space that must remain at the destination, in bytes. */
  reserveBytes: sizeSchema.default(0),
  /** How many of this job's files move at once; the engine's limits win. */
  transfers: z.int().min(1).max(64).nullable().default(null),
  priority: z.int().min(-100).max(100).default(0),
};
