// What is said of a transfer in one sentence: why it waits, why it failed, when it will be there.

import type { EtaView, TransferView } from '../../src/model/views.ts';
import { size } from './amounts.ts';
import { waitWords } from './states.ts';
import { range, span } from './times.ts';

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function folderOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? '' : path.slice(0, cut);
}

/** `/ingest` + `a/b.mov` → `/ingest/a/b.mov`. */
export function wholePath(place: { endpoint: string; path: string }): string {
  if (place.path === '') return place.endpoint;
  return place.endpoint.endsWith('/') ? place.endpoint + place.path : `${place.endpoint}/${place.path}`;
}

/** Where it stands, or will stand. */
export function targetPath(transfer: TransferView): string {
  return wholePath({
    endpoint: transfer.destination.endpoint,
    path: transfer.published?.path ?? transfer.destination.path,
  });
}

/** `Waits for room at the destination, looks again in 12 s`. */
export function waitSentence(transfer: Pick<TransferView, 'waiting' | 'attempts'>, nowMs: number): string {
  const { waiting } = transfer;
  if (waiting === null) return 'Waits';
  if (waiting.reason === 'backoff') {
    const inSeconds = waiting.until === null ? null : (Date.parse(waiting.until) - nowMs) / 1000;
    const when = inSeconds === null ? 'soon' : inSeconds <= 1 ? 'now' : `in ${span(inSeconds)}`;
    return `Tries again ${when}`;
  }
  return `Waits for ${waitWords[waiting.reason]}`;
}

/** `2–3 min`, with its cause where there is one to name. */
export function etaText(eta: EtaView | null): { short: string; cause: string } {
  if (eta === null) return { short: '', cause: '' };
  return { short: range(eta.fromSeconds, eta.toSeconds) ?? '', cause: eta.cause };
}

/** The error in a row that names its file already: the path gives way to "it". */
export function shortReason(transfer: TransferView): string {
  const message = transfer.error?.message ?? 'It failed without a reason.';
  for (const name of [transfer.source.path, transfer.destination.path]) {
    const start = `${name} in ${transfer.destination.endpoint} `;
    if (message.startsWith(start)) return `It ${message.slice(start.length)}`;
  }
  const paths = [transfer.error?.place?.path, wholePath(transfer.source), targetPath(transfer), transfer.source.path];
  for (const path of paths) {
    if (path === undefined || path === '') continue;
    if (message.startsWith(`${path} `)) return `It ${message.slice(path.length + 1)}`;
    if (message.includes(path)) return message.replace(path, 'it');
  }
  return message;
}

/** `transcode, step 2 of 3`. */
export function stepWords({ name, at, of }: NonNullable<TransferView['step']>): string {
  return of === 1 ? name : `${name}, step ${at} of ${of}`;
}

export function algorithmName(algorithm: string): string {
  return { 'xxh128-8m': 'XXH128 tree', sha256: 'SHA-256', blake3: 'BLAKE3' }[algorithm] ?? algorithm;
}

export function verifyWords(verify: string): string {
  return (
    { 'read-back': 'Read back and compared', 'far-hash': 'Hashed by the far side', size: 'Size compared only' }[
      verify
    ] ?? verify
  );
}

/** `4.10 GB of 9.80 GB`, or what is there while the whole is not known. */
export function doneOf(bytesDone: number, sizeBytes: number | null): string {
  return sizeBytes === null ? size(bytesDone) : `${size(bytesDone)} of ${size(sizeBytes)}`;
}
