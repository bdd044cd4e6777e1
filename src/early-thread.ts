// The first thread for files of a process that is sure to need one: started before the rest of the program is loaded, which takes as long.

import type { Worker } from 'node:worker_threads';
import { startFileThread } from './endpoints/file-thread.ts';

const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** A worker's script beside this file, in the sources and in dist alike. */
export function workerModule(path: string): URL {
  return new URL(`./${path}.${ending}`, import.meta.url);
}

/** What every thread for files can be asked. */
export const fileModules: readonly URL[] = [
  workerModule('endpoints/local-operations'),
  workerModule('engine/mover/lane-operations'),
  workerModule('engine/compare-operations'),
];

let early: Worker | undefined;

export function startEarlyThread(): void {
  const thread = startFileThread(
    fileModules.map(({ href }) => href),
    false,
  );
  const forget = () => {
    if (early === thread) early = undefined;
  };
  thread.on('error', forget);
  thread.on('exit', forget);
  early = thread;
}

/** Undefined where none was started, and for whoever comes second. */
export function takeEarlyThread(): Worker | undefined {
  const thread = early;
  early = undefined;
  return thread;
}
