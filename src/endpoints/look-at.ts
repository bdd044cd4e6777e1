// Looks at the many names of an open folder, inside a worker: by direct calls where there are enough of them to be worth their loading.

import { lstatSync } from 'node:fs';
import type { ConfinedFolder } from './confined.ts';
import { type FileFacts, systemCalls } from './system-calls.ts';

/** Loading the direct calls takes as long as some thousands of looks save; a folder of this many names is seldom the only one. */
const worthLoading = 64;
let isLoaded = false;

/** What has a name in the folder, without following a symlink; undefined where nothing has. `count` says how many will be looked at. */
export function lookIn(folder: ConfinedFolder, count: number): (name: string) => FileFacts | undefined {
  isLoaded ||= count >= worthLoading;
  const calls = isLoaded && folder.fd >= 0 ? systemCalls() : undefined;
  if (calls === undefined) return (name) => lstatSync(folder.at(name), { throwIfNoEntry: false });
  return (name) => calls.statx(folder.fd, name);
}
