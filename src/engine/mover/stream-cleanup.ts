// Recovery and cleaning up of moves to places that only streams reach.

import { hashStream } from '../../endpoints/content-hash.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';
import { baseName, parsePartialName } from '../../model/names.ts';
import type { Publishing, Transfer } from '../../model/transfer.ts';
import { journalPath, type MoverParts } from './mover-parts.ts';
import { StreamJournal } from './stream-journal.ts';
import { abandonUpload } from './stream-upload.ts';

/** True where the file that was being published stands under its final name, by its content. */
export async function recoverByStream(publishing: Publishing, destination: Endpoint): Promise<boolean> {
  const { partialPath, finalPath, sizeBytes, hash } = publishing;
  const there = await destination.stat(finalPath);
  if (there?.kind !== 'file' || there.sizeBytes !== sizeBytes) return false;
  // What has not left its partial's name was not published: then the final name is somebody else's.
  if (partialPath !== finalPath && (await destination.stat(partialPath)) !== undefined) return false;
  return (await hashOf(destination, finalPath, hash.algorithm)) === hash.value;
}

async function hashOf(endpoint: Endpoint, path: string, algorithm: Publishing['hash']['algorithm']): Promise<string> {
  try {
    if (endpoint.hash !== undefined) return await endpoint.hash(path, algorithm);
  } catch (error) {
    if (asFault(error).code !== 'unsupported') throw error;
  }
  return hashStream(await endpoint.read(path, 0), algorithm);
}

/** Removes partial and journal. What is not there is removed already. */
export async function discardByStream(
  parts: MoverParts,
  transfer: Pick<Transfer, 'id'>,
  destination: Endpoint,
): Promise<void> {
  const journal = new StreamJournal(
    parts.mounts.pool(parts.journalFolder),
    journalPath(parts.journalFolder, transfer.id),
  );
  const found = await journal.load();
  const { paths } = found ?? { paths: [] };
  await abandonUpload(found, destination.uploads);
  for (const path of paths) {
    if (parsePartialName(baseName(path)) !== undefined) await destination.remove(path);
  }
  await journal.forget();
}
