// Many files into a container by one archive, which the engine unpacks; and what is then done to each of them, by the shell that is there.

import { Readable } from 'node:stream';
import { asFault, type Fault } from '../../model/fault.ts';
import { parentPath, safeRelativePath } from '../../model/names.ts';
import type { Call, Endpoint, ManyWrite } from '../endpoint.ts';
import { writeTar } from '../tar-writer.ts';
import { orAborted } from './container-shell.ts';
import type { DockerEngine } from './docker-engine.ts';

/** What one file at a time does. */
export type Alone = Pick<Endpoint, 'remove'> & Required<Pick<Endpoint, 'hash' | 'makeFolder' | 'rename'>>;
type ManyMethods = Required<Pick<Endpoint, 'writeMany' | 'renameMany' | 'removeMany' | 'hashMany'>>;

/** `root` is absolute. Every folder is made, and looked at for symlinks on the way, before the first file of it is sent. */
export function manyInto(engine: DockerEngine, root: string, name: string, alone: Alone): ManyMethods {
  return {
    async writeMany(files, call) {
      const failed = new Map<string, Fault>();
      const ready = new Map<string, Promise<Fault | undefined>>();
      const readied = (folder: string) => {
        const known = ready.get(folder);
        if (known !== undefined) return known;
        const making = alone.makeFolder(folder, call).then(() => undefined, asFault);
        ready.set(folder, making);
        return making;
      };
      const sent = async function* (): AsyncGenerator<ManyWrite> {
        for await (const file of files) {
          call?.signal?.throwIfAborted();
          const fault = await readied(parentPath(safeRelativePath(file.path)));
          if (fault === undefined) yield file;
          else failed.set(file.path, fault);
        }
      };
      const top = await readied('');
      if (top !== undefined) throw top;
      let bytes = 0;
      const counted = async function* () {
        for await (const piece of writeTar(sent(), { failed, prefix: './' })) {
          call?.signal?.throwIfAborted();
          yield piece;
          bytes += piece.length;
          call?.progress?.(bytes);
        }
      };
      const archive = Readable.from(counted(), { objectMode: false });
      const broken = new Promise<never>((_, reject) => archive.once('error', reject));
      try {
        const unpacking = engine.unpack(root, archive, { name, signal: call?.signal });
        await orAborted(Promise.race([unpacking, broken]), call?.signal);
      } finally {
        archive.destroy();
      }
      return failed;
    },
    renameMany: (pairs, options, call) =>
      inTurn(
        pairs,
        ({ to }) => to,
        call,
        ({ from, to }) => alone.rename(from, to, options, call),
      ),
    removeMany: (paths, call) =>
      inTurn(
        paths,
        (path) => path,
        call,
        (path) => alone.remove(path, call),
      ),
    async hashMany(paths, algorithm, call) {
      const hashes = new Map<string, string>();
      const hash = async (path: string) => {
        hashes.set(path, await alone.hash(path, algorithm, call));
      };
      await inTurn(paths, (path) => path, call, hash);
      return hashes;
    },
  };
}

/** One shell answers them all. What stops everything rejects; the rest is the fault of the one. */
async function inTurn<Item>(
  items: readonly Item[],
  pathOf: (item: Item) => string,
  call: Call | undefined,
  act: (item: Item) => Promise<void>,
): Promise<ReadonlyMap<string, Fault>> {
  const faults = new Map<string, Fault>();
  for (const item of items) {
    call?.signal?.throwIfAborted();
    try {
      await act(item);
    } catch (error) {
      const fault = asFault(error);
      if (call?.signal?.aborted || fault.code === 'unreachable' || fault.code === 'network') throw error;
      faults.set(pathOf(item), fault);
    }
  }
  return faults;
}
