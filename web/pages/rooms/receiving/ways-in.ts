// How this browser can take a file to disk, and which way one file takes.

import { flatName } from './file-names.ts';
import { folderFile } from './folder-file.ts';
import { type GatheredFile, gathered } from './gathered-file.ts';
import { freeBytes, type HandOver, stagedFile } from './staged-file.ts';
import { streamedFile } from './streamed-file.ts';

declare global {
  interface Window {
    showDirectoryPicker?(options: { id: string; mode: 'readwrite' }): Promise<FileSystemDirectoryHandle>;
  }
}

/** What a page may do with files here. */
export interface WaysIn {
  /** Keeps what arrives over a reload. */
  readonly stages: boolean;
  /** Saves into a folder that the user picks. */
  readonly folders: boolean;
  /** Streams into a download. */
  readonly streams: boolean;
}

export async function waysIn(): Promise<WaysIn> {
  return {
    stages: await canStage(),
    folders: window.showDirectoryPicker !== undefined,
    streams: 'serviceWorker' in navigator,
  };
}

/** A private window of some browsers has the functions and refuses their use. */
async function canStage(): Promise<boolean> {
  if (typeof navigator.storage?.getDirectory !== 'function') return false;
  return navigator.storage.getDirectory().then(
    () => true,
    () => false,
  );
}

export interface Arriving {
  readonly transferId: string;
  /** As the sender gives it, with `/` between folders. */
  readonly name: string;
  readonly sizeBytes: number;
}

/**
 * `folder` is what the user picked; undefined: among the downloads. `handOver` puts the file there where it is kept here until it is whole.
 * Rejects with `name_unsafe`.
 */
export async function receivingFile(
  ways: WaysIn,
  { transferId, name, sizeBytes }: Arriving,
  folder: FileSystemDirectoryHandle | undefined,
  handOver: HandOver,
): Promise<GatheredFile> {
  if (folder !== undefined) {
    const free = ways.stages ? ((await freeBytes()) ?? Number.POSITIVE_INFINITY) : 0;
    // It is kept here until it is whole and then copied: both at once may be on one disk.
    if (free < 2 * sizeBytes) return gathered(folderFile(transferId, sizeBytes, folder, name));
  } else if (!ways.stages) return gathered(streamedFile(transferId, sizeBytes, flatName(name)));
  return gathered(stagedFile(transferId, sizeBytes, handOver));
}
