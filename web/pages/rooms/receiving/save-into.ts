// Puts a whole file where the user wants it: among the downloads, into a folder that was picked, or into one file.

import { Fault } from '../../../../src/model/fault.ts';
import { joinPath, numberedName } from '../../../../src/model/names.ts';
import { savedParts } from './file-names.ts';
import type { HandOver } from './staged-file.ts';

/** The browser copies the file by itself; the address must hold until it has. */
const addressMs = 600_000;

/** As a download under `name`; the bytes are copied from disk to disk. */
export function intoDownloads(name: string): HandOver {
  return async (file) => {
    const address = URL.createObjectURL(file);
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), addressMs);
  };
}

/** Below `folder` under the sender's name, its folders made anew; a name that is taken gets a number. */
export function intoFolder(folder: FileSystemDirectoryHandle, name: string): HandOver {
  return async (file) => copyInto(await newFile(folder, name), file);
}

async function copyInto(handle: FileSystemFileHandle, file: File): Promise<void> {
  try {
    await file.stream().pipeTo(await handle.createWritable());
  } catch (error) {
    throw savingFault(error, handle.name);
  }
}

/** Made empty, so that the name is taken. */
export async function newFile(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemFileHandle> {
  const parts = savedParts(name);
  const last = parts.at(-1) ?? 'file';
  try {
    let here = folder;
    for (const part of parts.slice(0, -1)) here = await here.getDirectoryHandle(part, { create: true });
    for (let number = 0; ; number++) {
      const free = number === 0 ? last : numberedName(last, number);
      if (await isFree(here, free)) return await here.getFileHandle(free, { create: true });
    }
  } catch (error) {
    throw savingFault(error, joinPath(folder.name, parts.join('/')));
  }
}

async function isFree(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.getFileHandle(name);
    return false;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    if (error.name === 'NotFoundError') return true;
    if (error.name === 'TypeMismatchError') return false;
    throw error;
  }
}

export function savingFault(error: unknown, name: string): Fault {
  if (error instanceof Fault) return error;
  const place = { place: { path: name }, cause: error };
  const kind = error instanceof DOMException ? error.name : '';
  if (kind === 'QuotaExceededError') return new Fault('space', `There is no room left for ${name}.`, place);
  if (kind === 'NotAllowedError' || kind === 'SecurityError') {
    return new Fault('permission', `The browser may not write ${name} any more; choose the folder again.`, place);
  }
  const why = error instanceof Error ? error.message : String(error);
  return new Fault('io', `${name} could not be written: ${why}`, place);
}
