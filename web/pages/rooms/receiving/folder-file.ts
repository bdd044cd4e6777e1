// A file that arrives straight in a folder that was picked (File System Access), where the browser has no room to keep it twice. It does not survive a reload.

import { Fault } from '../../../../src/model/fault.ts';
import type { ReceivingFile } from '../../../../src/peer/files.ts';
import { askDisk, writeDisk } from './disk.ts';
import { newFile, savingFault } from './save-into.ts';

/** `key` is the transfer's id. The name is taken when the first byte comes and shows an empty file until `publish`. */
export function folderFile(
  key: string,
  sizeBytes: number,
  folder: FileSystemDirectoryHandle,
  name: string,
): ReceivingFile {
  let opening: Promise<{ handle: FileSystemFileHandle; stream: FileSystemWritableFileStream }> | undefined;
  const open = () => {
    opening ??= (async () => {
      await askDisk({ op: 'open', key, sizeBytes, staged: false });
      const handle = await newFile(folder, name);
      return { handle, stream: await handle.createWritable() };
    })();
    return opening;
  };
  return {
    kept: async () => 0,
    async write(from, bytes) {
      const { stream } = await open();
      try {
        await writeDisk(key, from, bytes);
        await stream.write({ type: 'write', position: from, data: new Uint8Array(bytes) });
      } catch (error) {
        throw savingFault(error, name);
      }
    },
    async restart() {
      const { stream } = await open();
      await askDisk({ op: 'restart', key });
      await stream.truncate(0);
    },
    async finish() {
      await open();
      return (await askDisk({ op: 'finish', key })).sha256;
    },
    async publish() {
      const { stream } = await open();
      await stream.close().catch((error: unknown) => {
        throw savingFault(error, name);
      });
      await askDisk({ op: 'close', key });
    },
    async abandon() {
      await askDisk({ op: 'close', key });
      if (opening === undefined) return;
      const { handle, stream } = await opening;
      opening = undefined;
      await stream.abort();
      await (handle as FileSystemFileHandle & { remove?(): Promise<void> }).remove?.().catch((error: unknown) => {
        throw new Fault('io', `${name}, which is empty, could not be removed.`, { cause: error });
      });
    },
  };
}
