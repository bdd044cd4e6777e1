// The thread that looks at watched folders: keeps their snapshots, scans folder by folder, hears events. One for each mount.

import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type FaultReport } from '../../model/fault.ts';
import { joinPath } from '../../model/names.ts';
import { giveMemoryBackWhenIdle } from '../../store/idle-memory.ts';
import { FolderEvents, type Hints, testEvents } from './folder-events.ts';
import { type FolderChanges, type SeenFile, scanFault, TreeSnapshot } from './tree-snapshot.ts';
import type { ScanResult, WatcherReply, WatcherRequest } from './watcher-messages.ts';

interface Tree {
  readonly id: string;
  readonly root: string;
  readonly snapshot: TreeSnapshot;
  events: FolderEvents | undefined;
}

const trees = new Map<string, Tree>();
/** Grows with every folder and file looked at: as long as it grows, nothing hangs. */
const beats = new Int32Array((workerData as { beats: SharedArrayBuffer }).beats);
const port = parentPort;
if (port === null) throw new Error('This file runs in a worker thread.');
giveMemoryBackWhenIdle();

function reply(message: WatcherReply): void {
  port?.postMessage(message);
}

async function open(request: WatcherRequest & { kind: 'open' }): Promise<void> {
  const { watchId, snapshot } = request;
  const tree: Tree = { id: watchId, root: snapshot.root, snapshot: new TreeSnapshot(snapshot), events: undefined };
  trees.set(watchId, tree);
  if (!request.events) return;
  const test = await testEvents(snapshot.root);
  if (trees.get(watchId) !== tree) return;
  if (test.inForce) {
    tree.events = new FolderEvents(
      snapshot.root,
      (hints, overflow) => notice(tree, hints, overflow),
      (reason) => reply({ kind: 'events', watchId, test: { inForce: false, reason } }),
    );
  }
  reply({ kind: 'events', watchId, test });
}

/** The root must be readable, else the scan has failed; what cannot be read below it is named and left as it was. */
async function scan(tree: Tree): Promise<ScanResult> {
  const begun = performance.now();
  const changed: SeenFile[] = [];
  const gone: string[] = [];
  const unreadable: FaultReport[] = [];
  const queue = [''];
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    try {
      tree.events?.add(folder);
      const found = tree.snapshot.lookAtFolder(folder);
      Atomics.add(beats, 0, 1);
      take(found, changed, gone);
      for (const below of found.folders) queue.push(below);
    } catch (error) {
      const fault = scanFault(error, tree.root, folder);
      if (folder === '') throw error;
      // A folder that went away between its listing and the look at it is told of by the next scan of its parent.
      if (fault.code !== 'not_found') unreadable.push(fault);
    }
    // Looks at files under way must not wait for a long scan.
    await turn();
  }
  return { changed, gone, files: tree.snapshot.files, unreadable, tookMs: performance.now() - begun };
}

function take(found: FolderChanges, changed: SeenFile[], gone: string[]): void {
  for (const file of found.changed) changed.push(file);
  for (const path of found.gone) gone.push(path);
}

function notice(tree: Tree, hints: Hints, overflow: boolean): void {
  const changed: SeenFile[] = [];
  const gone: string[] = [];
  if (!overflow) {
    for (const [folder, names] of hints) {
      try {
        lookCloser(tree, folder, names, changed, gone);
      } catch {
        // What events make us look at may be gone or closed to us; the scan says so where it matters.
      }
    }
  }
  if (overflow || changed.length > 0 || gone.length > 0)
    reply({ kind: 'noticed', watchId: tree.id, changed, gone, overflow });
}

function lookCloser(
  tree: Tree,
  folder: string,
  names: ReadonlySet<string> | null,
  changed: SeenFile[],
  gone: string[],
): void {
  const few = names !== null && names.size <= 50;
  if (few && [...names].every((name) => lookAtName(tree, joinPath(folder, name), changed))) return;
  const queue = [folder];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    tree.events?.add(next);
    const found = tree.snapshot.lookAtFolder(next);
    take(found, changed, gone);
    // Only folders that are new hold anything that was not heard of by itself.
    queue.push(...found.folders.filter((below) => !tree.events?.has(below)));
  }
}

/** False where the name is no file that is there: then its whole folder has to be looked at. */
function lookAtName(tree: Tree, path: string, changed: SeenFile[]): boolean {
  const seen = tree.snapshot.lookAtFile(path);
  if (seen !== undefined) changed.push(seen);
  return seen !== undefined;
}

async function answer(request: WatcherRequest): Promise<void> {
  const tree = trees.get(request.watchId);
  if (request.kind === 'open') {
    await open(request);
    return;
  }
  if (tree === undefined) return;
  switch (request.kind) {
    case 'scan':
      reply({ kind: 'scanned', watchId: tree.id, requestId: request.requestId, result: await scan(tree) });
      return;
    case 'look':
      reply({
        kind: 'looked',
        watchId: tree.id,
        requestId: request.requestId,
        files: request.paths.map((path) => tree.snapshot.lookAtFile(path) ?? null),
      });
      return;
    case 'close':
      tree.events?.close();
      trees.delete(tree.id);
      return;
  }
}

port.on('message', (request: WatcherRequest) => {
  answer(request).catch((error: unknown) => {
    if (!('requestId' in request)) return;
    const root = trees.get(request.watchId)?.root ?? '';
    const fault = error instanceof Error && 'code' in error ? scanFault(error, root, '') : asFault(error).report();
    reply({ kind: 'failed', watchId: request.watchId, requestId: request.requestId, fault });
  });
});
