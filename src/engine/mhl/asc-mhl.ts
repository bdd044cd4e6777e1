// ASC MHL: the history of a folder of originals, written after an offload and checked again (ascmitc.github.io, version 2.0).

import { newControl, openControl } from '../../endpoints/control.ts';
import type { Mounts } from '../../endpoints/mounts.ts';
import type { MhlFormat } from '../../model/hash.ts';
import type { Appended, AppendInput, MhlChecked, MhlFinding } from './mhl-operations.ts';

export type { Appended, MhlChecked, MhlFinding, MhlVerdict } from './mhl-operations.ts';

/** A worker module for the mounts. */
export const mhlOperations = new URL(
  import.meta.url.endsWith('.ts') ? './mhl-operations.ts' : './mhl-operations.js',
  import.meta.url,
);

export interface AppendRequest {
  /** Absolute: the folder whose files are listed, and in which `ascmhl` lies. */
  readonly folder: string;
  /** Default is `xxh128`. */
  readonly format?: MhlFormat;
  readonly process: 'in-place' | 'transfer';
  readonly host: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface MhlCall {
  readonly signal?: AbortSignal;
  /** Bytes read so far; told now and then. */
  readonly progress?: (bytes: number) => void;
}

const tellMs = 200;

/**
 * Reads every file of the folder and writes down a new generation; what earlier ones say differently is marked as failed there and told. One
 * at a time for a folder. Rejects with `corrupt` where the chain cannot be read, and as file calls do.
 */
export function appendGeneration(mounts: Mounts, request: AppendRequest, call: MhlCall = {}): Promise<Appended> {
  const { folder, format = 'xxh128', process, host, version, now } = request;
  const input: AppendInput = { root: folder, format, process, host, tool: { name: 'Wherry', version }, now };
  return run(mounts, 'mhl.append', input, call);
}

/** Checks the chain and each file against its newest hash. Rejects with `not_found` (no history), and `corrupt` (no chain). */
export function checkHistory(
  mounts: Mounts,
  folder: string,
  found: (finding: MhlFinding) => void,
  call: MhlCall = {},
): Promise<MhlChecked> {
  return run(mounts, 'mhl.check', { root: folder }, call, found);
}

/** Whether an absolute path is a folder with a history. */
export function hasHistory(mounts: Mounts, path: string): Promise<boolean> {
  return mounts.pool(path).run('mhl.isThere', { root: path }, { quick: true });
}

async function run<Output>(
  mounts: Mounts,
  operation: string,
  input: { readonly root: string },
  { signal, progress }: MhlCall,
  found?: (finding: MhlFinding) => void,
): Promise<Output> {
  const control = newControl();
  const seen = openControl(control, { limits: [] });
  const timer = progress === undefined ? undefined : setInterval(() => progress(seen.bytesDone), tellMs).unref();
  try {
    return await mounts.pool(input.root).run<Output>(operation, input, {
      control,
      ...(signal === undefined ? {} : { signal }),
      ...(found === undefined ? {} : { onMessage: (message) => found(message as MhlFinding) }),
    });
  } finally {
    clearInterval(timer);
  }
}
