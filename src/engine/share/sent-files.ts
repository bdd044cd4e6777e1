// The files that a member has been told to send: what the named files and folders hold, and under which names others see them.

import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { baseName, displayPath, joinPath, parentPath } from '../../model/names.ts';
import type { ShareSpec } from '../../model/share-spec.ts';
import { createSelection } from '../selection.ts';

export interface SentFile {
  readonly root: Endpoint;
  readonly path: string;
  readonly entry: Entry;
  /** As it is offered: of a folder with the folder's own name before it. */
  readonly name: string;
}

/** Absolute addresses in `spec.send`. Rejects with `not_found`, `unsupported` (neither file nor folder) and what listing says. */
export async function* sentFiles(
  spec: Pick<ShareSpec, 'send' | 'include' | 'exclude'>,
  open: (address: string) => Promise<Endpoint>,
  call: Call,
): AsyncGenerator<SentFile> {
  const { takes, enters } = createSelection(spec.include, spec.exclude);
  for (const address of spec.send) {
    const parent = await open(parentAddress(address));
    const name = baseName(address.replace(/\/+$/, ''));
    const entry = await parent.stat(name, call);
    const place = { path: displayPath(address) };
    if (entry === undefined) throw new Fault('not_found', `${place.path} is not there.`, { place });
    if (entry.kind === 'file') yield { root: parent, path: name, entry, name };
    else if (entry.kind === 'folder') {
      for await (const below of parent.list(name, call)) {
        const inside = below.path.slice(name.length + 1);
        if (below.kind !== 'file' || !takes(inside) || !enters(parentPath(inside))) continue;
        yield { root: parent, path: below.path, entry: below, name: joinPath(name, inside) };
      }
    } else throw new Fault('unsupported', `${place.path} is neither a file nor a folder.`, { place });
  }
}

function parentAddress(address: string): string {
  return address.replace(/\/+$/, '').replace(/\/[^/]*$/, '') || '/';
}
