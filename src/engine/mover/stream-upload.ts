// Moves one file to a place that shows it only once it is whole: an upload that is begun, gone on with, and published, in place of a partial.

import type { Call, Uploads } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import type { Journal, JournalHead } from './block-journal.ts';
import type { MoveRequest } from './move.ts';
import { sameSource } from './source-identity.ts';
import type { StreamJournal } from './stream-journal.ts';

/** What a journal's head has in place of a device where an upload stands for the partial; its id is the inode. */
const uploadMark = 'upload';
const mostNumberedNames = 10_000;

export interface UploadPlan {
  readonly path: string;
  readonly id: string;
  /** Bytes from the beginning that need not be sent again, as far as they agree. */
  readonly keptBytes: number;
}

export interface UploadParts {
  readonly request: MoveRequest;
  readonly uploads: Uploads;
  readonly journal: StreamJournal;
  readonly call: Call;
}

/** Where the upload goes and what stands of it: that of an earlier attempt, where it is of the same source. `changed` is told where it is not. */
export async function takeUpUpload(
  parts: UploadParts,
  source: { readonly identity: SourceIdentity; readonly mtimeMs: number | undefined },
  changed: () => void,
): Promise<UploadPlan> {
  const { request, uploads, journal, call } = parts;
  const { identity, mtimeMs } = source;
  const path = await freePath(request, call);
  const old = await journal.load();
  const earlier = old === undefined ? undefined : uploadOf(old.head);
  if (old !== undefined) {
    const fits = sameSource(old.head.identity, identity);
    if (fits && earlier?.path === path) {
      const keptBytes = await uploads.kept(path, earlier.id, call);
      if (keptBytes !== undefined) return { path, id: earlier.id, keptBytes };
    } else if (earlier !== undefined) await uploads.abandon(earlier.path, earlier.id, call);
    if (!fits) changed();
  }
  const about = { sizeBytes: identity.sizeBytes, ...(mtimeMs === undefined ? {} : { mtimeMs }) };
  const id = await uploads.begin(path, about, call);
  const { destination, transfer } = request;
  const partial = { root: destination.name, path, device: uploadMark, inode: id, fence: transfer.fence };
  journal.begin({ identity, growing: false, partial }, { fresh: true });
  // Whoever comes after a crash must find what is to be gone on with, or to be given up.
  await journal.flush();
  return { path, id, keptBytes: 0 };
}

/** Resolves with false where the place could not confirm what it has. */
export async function publishUpload(parts: UploadParts, plan: UploadPlan, overwrite: boolean): Promise<boolean> {
  const { request, uploads, call } = parts;
  try {
    return await uploads.publish(plan.path, plan.id, { overwrite }, call);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== 'exists' || request.options.conflict !== 'rename') throw error;
    const place = { path: displayPath(plan.path), endpoint: displayPath(request.destination.name) };
    throw new Fault('busy', `${place.path} in ${place.endpoint} was taken meanwhile; another name is tried.`, {
      place,
      cause: error,
    });
  }
}

/** Gives up the upload that a journal speaks of. */
export async function abandonUpload(journal: Journal | undefined, uploads: Uploads | undefined): Promise<void> {
  const upload = journal === undefined ? undefined : uploadOf(journal.head);
  if (upload !== undefined) await uploads?.abandon(upload.path, upload.id);
}

function uploadOf({ partial }: JournalHead): { path: string; id: string } | undefined {
  return partial.device === uploadMark ? { path: partial.path, id: partial.inode } : undefined;
}

/** An upload's name cannot be changed afterwards. */
async function freePath({ destination, options, transfer }: MoveRequest, call: Call): Promise<string> {
  const { path } = transfer.destination;
  if (options.conflict !== 'rename') return path;
  for (let n = 0; n < mostNumberedNames; n++) {
    const candidate = n === 0 ? path : joinPath(parentPath(path), numberedName(baseName(path), n));
    if ((await destination.stat(candidate, call)) === undefined) return candidate;
  }
  const place = { path: displayPath(path), endpoint: displayPath(destination.name) };
  throw new Fault('exists', `${place.path} in ${place.endpoint} has too many namesakes.`, { place });
}
