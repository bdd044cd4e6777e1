// The folders inside the roots, for file pickers.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { exactPath, fromBase64, pathText, toBase64 } from '../../model/path-text.ts';
import type { BrowseEntry } from '../../model/views.ts';
import type { FolderInput } from '../browse-operations.ts';
import { isoTime } from '../present.ts';
import { route } from '../route.ts';

export const browseRoutes = [
  route('browse', async ({ query }, { roots }) => {
    if (query.path === undefined && query.pathBytes === undefined) {
      const rows = roots.folders.map((folder): BrowseEntry => {
        return { name: displayPath(folder), ...pathText(folder), kind: 'folder', sizeBytes: null, mtime: null };
      });
      return { folder: null, parent: null, rows, nextCursor: null };
    }
    const wanted = exactPath({
      path: query.path ?? '',
      ...(query.pathBytes === undefined ? {} : { pathBytes: query.pathBytes }),
    });
    const folder = await roots.confine(wanted);
    const after = query.cursor === undefined ? null : readCursor(query.cursor);
    const { entries, more } = await roots.list({ path: folder, after, limit: query.limit });
    const last = entries.at(-1);
    const parent = folder.slice(0, folder.lastIndexOf('/')) || '/';
    return {
      folder: pathText(folder),
      parent: roots.isRoot(folder) ? null : pathText(parent),
      rows: entries.map(({ name, kind, sizeBytes, mtimeMs }) => ({
        name: displayPath(name),
        ...pathText(`${folder === '/' ? '' : folder}/${name}`),
        kind,
        sizeBytes,
        mtime: mtimeMs === null ? null : isoTime(Math.round(mtimeMs)),
      })),
      nextCursor: more && last !== undefined ? writeCursor({ folder: last.kind === 'folder', name: last.name }) : null,
    };
  }),
];

type After = NonNullable<FolderInput['after']>;

function writeCursor({ folder, name }: After): string {
  return toBase64(new TextEncoder().encode(JSON.stringify([folder, name])));
}

function readCursor(text: string): After {
  try {
    const [folder, name] = JSON.parse(new TextDecoder().decode(fromBase64(text))) as unknown[];
    if (typeof folder === 'boolean' && typeof name === 'string') return { folder, name };
  } catch {
    // Falls through to the refusal below.
  }
  throw new Fault('invalid', 'This cursor does not come from a page of this list.');
}
