// How a job's files are moved, as its spec says.

import type { CopySpec } from '../model/specs.ts';
import type { MoveOptions } from './mover/move.ts';

export function moveOptions({
  conflict,
  verify,
  hash,
  preserve,
  reserveBytes,
  transport,
}: Pick<CopySpec, 'conflict' | 'verify' | 'hash' | 'preserve' | 'reserveBytes'> &
  // Jobs of earlier versions do not have it.
  Partial<Pick<CopySpec, 'transport'>>): MoveOptions {
  return { conflict, verify, algorithm: hash, preserve, reserveBytes, transport: transport ?? 'auto' };
}
