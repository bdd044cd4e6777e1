// How recordings become the views that the API gives, with the chain of custody.

import { shownKind } from '../model/file-kind.ts';
import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import type { RecordedFile, Recording } from '../model/recording.ts';
import type { CustodyView, RecordedFileView, RecordingView } from '../model/recording-views.ts';
import { isoTime, placeView } from './present.ts';

export function recordingView(recording: Recording): RecordingView {
  const { id, jobId, name, device, associateWith, original, derived, facts, passedOver, createdAt } = recording;
  const { path, sizeBytes, mtimeMs, hash, verify, provenAt, source } = original;
  return {
    ...{ id, jobId, associateWith, facts },
    name: displayPath(name),
    kind: shownKind(name),
    device: device === null ? null : { ...device, name: displayPath(device.name) },
    original: {
      ...pathText(path),
      ...{ sizeBytes, hash, verify },
      mtime: mtimeMs === null ? null : isoTime(mtimeMs),
      provenAt: isoTime(provenAt),
      source: placeView(source),
      url: contentUrl(id, 'original'),
    },
    files: derived.map((file) => fileView(id, file)),
    passedOver: passedOver.map(({ step, why }) => ({ step, why: displayPath(why) })),
    createdAt: isoTime(createdAt),
  };
}

function fileView(id: string, file: RecordedFile): RecordedFileView {
  const { role, path, mediaType, sizeBytes, hash, parentHash, step, tool, madeAt } = file;
  const playlist = isPlaylist(mediaType) ? '/index.m3u8' : '';
  return {
    ...pathText(path),
    ...{ role, mediaType, sizeBytes, hash, parentHash, step },
    tool: tool === null ? null : { ...tool, parameters: [...tool.parameters] },
    madeAt: isoTime(madeAt),
    url: `${contentUrl(id, role)}${playlist}`,
  };
}

export function isPlaylist(mediaType: string | null): boolean {
  return mediaType === 'application/vnd.apple.mpegurl' || mediaType === 'application/x-mpegurl';
}

function contentUrl(id: string, role: string): string {
  return `/api/v1/recordings/${encodeURIComponent(id)}/content/${encodeURIComponent(role)}`;
}

/** The original first, each file after what it was made from as far as its order tells. */
export function custodyOf({ original, derived }: Recording): CustodyView[] {
  const roles = new Map([[original.hash.value, 'original']]);
  const first: CustodyView = {
    role: 'original',
    path: displayPath(original.path),
    hash: original.hash,
    parentHash: null,
    parent: null,
    by: `Wherry, a copy of ${displayPath(original.source.path)} verified by ${original.verify}`,
    parameters: [],
    at: isoTime(original.provenAt),
  };
  const links = derived.map(({ role, path, hash, parentHash, tool, step, madeAt }): CustodyView => {
    const parent = parentHash === null ? null : (roles.get(parentHash) ?? null);
    roles.set(hash.value, role);
    return {
      ...{ role, hash, parentHash, parent },
      path: displayPath(path),
      by: tool === null ? `Wherry, by its step ${step}` : `${tool.name} ${tool.version}`,
      parameters: [...(tool?.parameters ?? [])],
      at: isoTime(madeAt),
    };
  });
  return [first, ...links];
}
