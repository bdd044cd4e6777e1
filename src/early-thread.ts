// The first threads of a process that is sure to need them, one for files and one for a connection over SSH: started before the rest of the program is loaded, which takes as long.

import type { Worker } from 'node:worker_threads';
import { startFileThread } from './endpoints/file-thread.ts';
import { startSshThread } from './endpoints/ssh/start-thread.ts';

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

type Purpose = 'files' | 'ssh';

const early = new Map<Purpose, Worker>();

export function startEarlyThread(purpose: Purpose): void {
  const modules = () => fileModules.map(({ href }) => href);
  const thread = purpose === 'files' ? startFileThread(modules(), false) : startSshThread();
  const forget = () => {
    if (early.get(purpose) === thread) early.delete(purpose);
  };
  thread.on('error', forget);
  thread.on('exit', forget);
  early.set(purpose, thread);
}

/** Undefined where none was started, and for whoever comes second. */
export function takeEarlyThread(purpose: Purpose): Worker | undefined {
  const thread = early.get(purpose);
  early.delete(purpose);
  return thread;
}
