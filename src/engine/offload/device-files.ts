// Which files of a device a batch means: all that its globs leave, or those that it names, each with its companions.

import type { RemoteFile } from '../../devices/device.ts';
import type { Call } from '../../endpoints/endpoint.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath, safeRelativePath } from '../../model/names.ts';
import type { OffloadSpec } from '../../model/specs.ts';
import { createSelection } from '../selection.ts';
import type { Devices } from './devices.ts';

export interface MeantFiles {
  readonly files: readonly RemoteFile[];
  readonly refused: readonly { readonly path: string; readonly fault: Fault }[];
}

type Wish = Pick<OffloadSpec, 'device' | 'files' | 'include' | 'exclude'>;

/** Where each file is named with its size the device need not be there. Rejects as `Devices.files` does. */
export async function meantFiles(spec: Wish, devices: Devices, call: Call): Promise<MeantFiles> {
  const wished = spec.files;
  if (wished !== 'all' && wished.every((one) => typeof one !== 'string')) {
    return { files: wished.map((one) => ({ ...plain(one), path: safeRelativePath(one.path) })), refused: [] };
  }
  const listed = new Map<string, RemoteFile>();
  const refused: { path: string; fault: Fault }[] = [];
  for await (const one of devices.files(spec.device, call)) {
    if (one.kind === 'file') listed.set(one.file.path, one.file);
    else refused.push({ path: one.path, fault: one.fault });
  }
  const { takes } = createSelection(spec.include, spec.exclude);
  if (wished === 'all') {
    const chosen = [...listed.values()].filter(({ path }) => takes(path));
    return { files: withCompanions(chosen, listed), refused: refused.filter(({ path }) => takes(path)) };
  }
  const chosen: RemoteFile[] = [];
  const missing: { path: string; fault: Fault }[] = [];
  for (const one of wished) {
    const path = safeRelativePath(typeof one === 'string' ? one : one.path);
    const file = listed.get(path);
    if (file !== undefined) chosen.push(file);
    else missing.push({ path, fault: refusalOf(path, spec.device, refused) });
  }
  return { files: withCompanions(chosen, listed), refused: missing };
}

function plain({ path, size, mtime }: { path: string; size: number; mtime?: number | undefined }): RemoteFile {
  return { path, size, ...(mtime === undefined ? {} : { mtime }) };
}

function refusalOf(path: string, device: string, refused: readonly { path: string; fault: Fault }[]): Fault {
  const known = refused.find((one) => one.path === displayPath(path));
  if (known !== undefined) return known.fault;
  const place = { path: displayPath(path), endpoint: `device://${device}/` };
  return new Fault('not_found', `${place.path} is not on the device ${device}.`, { place });
}

/** What belongs to a file goes with it, whether it was asked for or not. */
function withCompanions(chosen: readonly RemoteFile[], listed: ReadonlyMap<string, RemoteFile>): readonly RemoteFile[] {
  const all = new Map(chosen.map((file) => [file.path, file]));
  for (const file of all.values()) {
    for (const path of file.companions ?? []) {
      const companion = listed.get(path);
      if (companion !== undefined && !all.has(path)) all.set(path, companion);
    }
  }
  return [...all.values()];
}
