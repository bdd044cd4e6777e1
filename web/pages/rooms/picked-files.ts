// Files that the user gives to be sent: dropped, pasted, picked, whole folders; each with its relative name, and its handle where the browser has one.

import { Fault } from '../../../src/model/fault.ts';
import { displayPath } from '../../../src/model/names.ts';
import type { SourceFile } from '../../../src/peer/files.ts';

export interface PickedFile {
  readonly source: SourceFile;
  /** Lets the page read the file again after a reload; not every browser and not every way gives one. */
  readonly handle: FileSystemFileHandle | undefined;
}

/** `name` is the relative path; left out: the file's own. */
export function pickedFile(file: File, name = file.name, handle?: FileSystemFileHandle): PickedFile {
  return { source: sourceFile(file, name), handle };
}

export function sourceFile(file: File, name: string): SourceFile {
  return {
    name,
    sizeBytes: file.size,
    mtimeMs: file.lastModified,
    mimeType: file.type === '' ? 'application/octet-stream' : file.type,
    version: `${file.size} ${file.lastModified}`,
    async read(from, to) {
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
      } catch (error) {
        // The browser refuses to read a file that is no longer as it was when it was picked.
        const gone = error instanceof DOMException && error.name === 'NotFoundError';
        const shown = displayPath(name);
        throw new Fault(
          gone ? 'not_found' : 'source_changed',
          gone ? `${shown} is no longer where it was.` : `${shown} has changed since it was picked.`,
          { cause: error, place: { path: shown, offsetBytes: from } },
        );
      }
      if (bytes.length === to - from) return bytes;
      throw new Fault('source_changed', `${displayPath(name)} is shorter than it was.`, {
        place: { path: displayPath(name), offsetBytes: from },
      });
    },
  };
}

/** Files of an `<input>`: those of a folder keep their paths below it. */
export function fromList(files: Iterable<File>): PickedFile[] {
  return [...files].map((file) => pickedFile(file, file.webkitRelativePath || file.name));
}

type HandleItem = DataTransferItem & { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> };

/** Everything that was dropped or pasted, folders in whole. Must be called while the event is handled. */
export async function fromTransfer(data: DataTransfer): Promise<PickedFile[]> {
  const given = [...data.items]
    .filter(({ kind }) => kind === 'file')
    .map((item: HandleItem) => ({
      handle: item.getAsFileSystemHandle?.().catch(() => null),
      entry: item.webkitGetAsEntry(),
      file: item.getAsFile(),
    }));
  const picked: PickedFile[] = [];
  for (const { handle, entry, file } of given) {
    const known = await handle;
    if (known?.kind === 'file') {
      const fileHandle = known as FileSystemFileHandle;
      picked.push(pickedFile(await fileHandle.getFile(), known.name, fileHandle));
    } else if (entry !== null) picked.push(...(await fromEntry(entry)));
    else if (file !== null) picked.push(pickedFile(file));
  }
  return picked;
}

async function fromEntry(entry: FileSystemEntry): Promise<PickedFile[]> {
  const name = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [pickedFile(file, name)];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const picked: PickedFile[] = [];
  for (;;) {
    // A browser gives a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return picked;
    for (const each of some) picked.push(...(await fromEntry(each)));
  }
}
