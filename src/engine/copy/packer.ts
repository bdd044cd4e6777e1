// Gathers the small files of a copy into packs, by the tree that they come from and in the order in which they were found.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { ModeHost } from '../mode.ts';
import type { PackFile } from '../mover/move.ts';
import { packBytes, packFiles } from '../work.ts';

export interface Packer {
  add(found: ComparedEntry, destination: string): Promise<void>;
  /** Hands over what makes a pack worth its commit, so that copying goes on while the listing does. */
  flushFull(): Promise<void>;
  /** Hands over all that is left. */
  flush(): Promise<void>;
}

interface Open {
  readonly source: Endpoint;
  readonly sizes: PackSizes;
  files: PackFile[];
  bytes: number;
}

interface PackSizes {
  readonly mostFiles: number;
  readonly mostBytes: number;
  /** Fewer files than this wait for more while the listing goes on. */
  readonly worthwhileFiles: number;
  /** Into so many are the last files shared out, so that no worker stands idle beside a long pack. */
  readonly lastParts: number;
}

const here: PackSizes = { mostFiles: packFiles, mostBytes: packBytes, worthwhileFiles: 128, lastParts: 2 };
/**
 * Beginning and ending a stream costs ways there and back, and inside of one each group is a commit of its own anyway. Another
 * one beside it takes another connection, or a share of this one.
 */
const byStream: PackSizes = { mostFiles: 5_000, mostBytes: 4 * packBytes, worthwhileFiles: 5_000, lastParts: 1 };

function sizesFor(source: Endpoint, destination: Endpoint): PackSizes {
  if (source.localPath !== undefined && destination.localPath !== undefined) return here;
  const comes = source.localPath !== undefined || source.readMany !== undefined;
  const goes = destination.localPath !== undefined || destination.writeMany !== undefined;
  return comes && goes ? byStream : here;
}

export function createPacker(host: ModeHost, destination: Endpoint): Packer {
  const open = new Map<string, Open>();

  const hand = async (pack: Open, files: readonly PackFile[]) => {
    if (files.length > 0) await host.addPack({ source: pack.source, destination, files });
  };

  const empty = async (pack: Open) => {
    const { files } = pack;
    pack.files = [];
    pack.bytes = 0;
    await hand(pack, files);
  };

  return {
    add: async (found, path) => {
      let pack = open.get(found.root);
      if (pack === undefined) {
        const source = await host.open(found.root);
        pack = { source, sizes: sizesFor(source, destination), files: [], bytes: 0 };
        open.set(found.root, pack);
      }
      pack.files.push({
        transferId: host.newId(),
        sourcePath: found.entry.path,
        destinationPath: path,
        entry: found.entry,
      });
      pack.bytes += found.entry.sizeBytes;
      const { mostFiles, mostBytes } = pack.sizes;
      if (pack.files.length >= mostFiles || pack.bytes >= mostBytes) await empty(pack);
    },
    flushFull: async () => {
      for (const pack of open.values()) if (pack.files.length >= pack.sizes.worthwhileFiles) await empty(pack);
    },
    flush: async () => {
      for (const pack of open.values()) {
        const { files, sizes } = pack;
        const most = files.length > here.worthwhileFiles ? Math.ceil(files.length / sizes.lastParts) : files.length;
        for (let at = 0; at < files.length; at += most) await hand(pack, files.slice(at, at + most));
      }
      open.clear();
    },
  };
}
