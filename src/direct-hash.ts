// Hashes a file as it stands on its medium: read past the page cache by `dd`, since Node cannot read with O_DIRECT.

import { type ChildProcessByStdio, spawn } from 'node:child_process';

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createHasher } from './endpoints/content-hash.ts';
import { errnoFault } from './endpoints/errno.ts';
import { Fault } from './model/fault.ts';
import type { HashAlgorithm } from './model/hash.ts';
import { displayPath, pathBytes } from './model/names.ts';

/**
 * Resolves with the hash in lower-case hexadecimal. Rejects with `unsupported` where the file system cannot read past its cache,
 * with `tool_missing` where there is no `dd` of GNU, with `io` where the reading fails, and with what opening the file says.
 */
export async function hashPastCache(path: string, algorithm: HashAlgorithm, signal?: AbortSignal): Promise<string> {
  const shown = displayPath(path);
  const hasher = createHasher(algorithm);
  const file = await open(Buffer.from(pathBytes(path)), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    throw errnoFault(error, { path: shown, operation: 'open' });
  });
  try {
    // dd sets O_DIRECT on the descriptor that it is given.
    const child = spawn('dd', ['bs=4M', 'iflag=direct', 'status=none'], {
      stdio: [file.fd, 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
      ...(signal === undefined ? {} : { signal }),
    }) as ChildProcessByStdio<null, Readable, Readable>;
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, 500);
    });
    const ended = Promise.withResolvers<number | null>();
    child.on('error', ended.reject);
    child.on('close', ended.resolve);
    ended.promise.catch(() => undefined);
    for await (const chunk of child.stdout) hasher.update(chunk as Uint8Array);
    const code = await ended.promise.catch((error: unknown) => {
      signal?.throwIfAborted();
      throw missing(shown, error);
    });
    if (code === 0) return hasher.digest();
    if (/invalid input flag/.test(complaint)) throw missing(shown);
    // All that dd says of EINVAL, which O_DIRECT gets where it is not to be had.
    if (/Invalid argument/.test(complaint)) {
      throw new Fault('unsupported', `${shown} cannot be read past the page cache: its file system does not offer it.`);
    }
    throw new Fault('io', `${shown} could not be read past the page cache: ${displayPath(complaint.trim())}.`);
  } finally {
    await file.close();
  }
}

function missing(shown: string, cause?: unknown): Fault {
  return new Fault('tool_missing', `Reading ${shown} past the page cache needs GNU dd (package coreutils).`, { cause });
}
