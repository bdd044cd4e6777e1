// `wherry manifest`: what is known to be at a sync's destinations, exported, taken in, compared and cleared.

import { readFileSync } from 'node:fs';
import { loadLimits } from '../config.ts';
import { Fault } from '../model/fault.ts';
import { diff, type Entry } from '../model/manifest.ts';
import { displayPath } from '../model/names.ts';
import { exactPath, pathText } from '../model/path-text.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { requireDaemon } from './daemon-client.ts';
import { syncLedger } from './sync.ts';
import { syncRequest } from './sync-request.ts';
import { findSync } from './syncs.ts';
import type { Terminal } from './terminal.ts';
import { counted } from './words.ts';

export async function manifest({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, ...rest] = words;
  switch (action) {
    case 'export':
      return rest.length === 1 ? exportOfDaemon(rest[0] ?? '', flags, terminal) : exportHere(rest, flags, terminal);
    case 'clear':
      return rest.length === 1 ? clearOfDaemon(rest[0] ?? '', flags, terminal) : clearHere(rest, flags, terminal);
    case 'import':
      return importHere(rest, flags, terminal);
    case 'diff':
      return compare(rest, terminal);
    default:
      throw new Fault(
        'invalid',
        `wherry manifest takes export, import, diff and clear, not "${displayPath(action ?? '')}".`,
      );
  }
}

async function exportOfDaemon(given: string, flags: Flags, terminal: Terminal): Promise<number> {
  const daemon = await requireDaemon(flags);
  const { id } = await findSync(daemon, given);
  for await (const entry of daemon.client.lines('getSyncManifest', { params: { id } }))
    terminal.out(JSON.stringify(entry));
  return 0;
}

async function clearOfDaemon(given: string, flags: Flags, terminal: Terminal): Promise<number> {
  const daemon = await requireDaemon(flags);
  const { id } = await findSync(daemon, given);
  tellCleared(terminal, (await daemon.client.call('clearSyncManifest', { params: { id } })).files);
  return 0;
}

async function withLedger<Result>(
  places: readonly string[],
  flags: Flags,
  work: (manifests: Awaited<ReturnType<typeof import('../main.ts').openManifests>>) => Promise<Result>,
): Promise<Result> {
  const request = syncRequest('manifest', places, flags);
  const { openManifests } = await import('../main.ts');
  const manifests = await openManifests(
    { dataFolder: syncLedger(request, flags), ...(await loadLimits()).places },
    request,
  );
  try {
    return await work(manifests);
  } finally {
    await manifests.close();
  }
}

async function exportHere(places: readonly string[], flags: Flags, terminal: Terminal): Promise<number> {
  return withLedger(places, flags, async ({ entries }) => {
    for await (const { key, entry } of entries()) {
      const { path, sizeBytes, mtimeMs, hash = null } = entry;
      const folder = { from: displayPath(key.from), to: displayPath(key.to) };
      const destination = displayPath(key.destination);
      terminal.out(JSON.stringify({ destination, folder, ...pathText(path), sizeBytes, mtimeMs, hash }));
    }
    return 0;
  });
}

async function clearHere(places: readonly string[], flags: Flags, terminal: Terminal): Promise<number> {
  return withLedger(places, flags, async ({ clear }) => {
    tellCleared(terminal, await clear());
    return 0;
  });
}

async function importHere(words: readonly string[], flags: Flags, terminal: Terminal): Promise<number> {
  const file = words.at(-1);
  if (file === undefined || words.length !== 3) {
    throw new Fault('invalid', 'wherry manifest import takes a source, a destination and a file: SRC DST FILE.');
  }
  const entries = read(file);
  return withLedger(words.slice(0, 2), flags, async ({ takeIn }) => {
    const { known, others } = await takeIn(entries);
    if (terminal.json) terminal.object({ type: 'imported', known, others });
    else
      terminal.say(
        `${counted(known, 'file')} known from now on${others > 0 ? `; ${others} are not there as they were` : ''}.`,
      );
    return others > 0 ? 1 : 0;
  });
}

function tellCleared(terminal: Terminal, files: number): void {
  if (terminal.json) terminal.object({ type: 'cleared', files });
  else terminal.say(`${counted(files, 'file')} forgotten; the next run checks everything.`);
}

function compare(files: readonly string[], terminal: Terminal): number {
  const [one, other] = files;
  if (one === undefined || other === undefined || files.length > 2) {
    throw new Fault('invalid', 'wherry manifest diff takes two files that were exported.');
  }
  const { added, modified, deleted, renamed } = diff(read(one), read(other), { checksum: true });
  const say = (change: string, { path }: Entry, to?: Entry) => {
    const more = to === undefined ? {} : { to: pathText(to.path) };
    if (terminal.json) terminal.object({ type: 'change', change, ...pathText(path), ...more });
    else
      terminal.out(`${change.padEnd(8)} ${displayPath(path)}${to === undefined ? '' : ` → ${displayPath(to.path)}`}`);
  };
  for (const entry of added) say('new', entry);
  for (const { after } of modified) say('modified', after);
  for (const entry of deleted) say('deleted', entry);
  for (const { before, after } of renamed) say('renamed', before, after);
  return added.length + modified.length + deleted.length + renamed.length > 0 ? 1 : 0;
}

/** Rejects with `not_found` and `invalid`. */
function read(file: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault('not_found', `${displayPath(file)} cannot be read.`, { cause: error });
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at): Entry => {
      try {
        const value = JSON.parse(line) as Record<string, unknown>;
        const { path, pathBytes, sizeBytes, mtimeMs, hash } = value;
        if (typeof path !== 'string' || typeof sizeBytes !== 'number' || typeof mtimeMs !== 'number') throw new Error();
        const exact = exactPath({ path, ...(typeof pathBytes === 'string' ? { pathBytes } : {}) });
        return { path: exact, kind: 'file', sizeBytes, mtimeMs, ...(typeof hash === 'string' ? { hash } : {}) };
      } catch (error) {
        const text = `Line ${at + 1} of ${displayPath(file)} is no entry of a manifest.`;
        throw new Fault('invalid', text, { cause: error });
      }
    });
}
