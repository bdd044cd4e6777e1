// The form in which a pack's files cross to its worker and their results come back: one text and one list of numbers, since thousands of objects take long to clone.

import type { PackFile } from './move.ts';
import { type StagedFile, sourceIdentity } from './pack-journal.ts';

export interface Columns {
  /** The texts of all rows in order, with a NUL between them, which no name holds. */
  readonly text: string;
  readonly numbers: Float64Array;
}

/** A file that stands under its final name, or stood there before. */
export interface PublishedFile extends Pick<StagedFile, 'at' | 'finalPath' | 'source' | 'hash'> {
  readonly alreadyThere: boolean;
}

const textsOfFile = 3;
const numbersOfFile = 3;
const textsOfPublished = 4;
const numbersOfPublished = 4;

export function fileColumns(files: readonly PackFile[]): Columns {
  const numbers = new Float64Array(files.length * numbersOfFile);
  const texts: string[] = [];
  for (const [n, { transferId, sourcePath, destinationPath, entry }] of files.entries()) {
    texts.push(transferId, sourcePath, destinationPath === sourcePath ? '' : destinationPath);
    const counted = n * numbersOfFile;
    numbers[counted] = entry.sizeBytes;
    numbers[counted + 1] = entry.mtimeMs;
    numbers[counted + 2] = entry.mode ?? Number.NaN;
  }
  return { text: texts.join('\0'), numbers };
}

/** Their entries hold what the mover needs: kind, size, time and mode. */
export function filesFrom({ text, numbers }: Columns): PackFile[] {
  const texts = text.split('\0');
  const files: PackFile[] = [];
  for (let n = 0; n * numbersOfFile < numbers.length; n++) {
    const texted = n * textsOfFile;
    const counted = n * numbersOfFile;
    const transferId = texts[texted] ?? '';
    const sourcePath = texts[texted + 1] ?? '';
    const destinationPath = texts[texted + 2] || sourcePath;
    const sizeBytes = numbers[counted] ?? 0;
    const mtimeMs = numbers[counted + 1] ?? 0;
    const mode = numbers[counted + 2] ?? Number.NaN;
    const plain = { path: sourcePath, kind: 'file', sizeBytes, mtimeMs } as const;
    const entry = Number.isNaN(mode) ? plain : { ...plain, mode };
    files.push({ transferId, sourcePath, destinationPath, entry });
  }
  return files;
}

export function publishedColumns(files: readonly PublishedFile[]): Columns {
  const numbers = new Float64Array(files.length * numbersOfPublished);
  const texts: string[] = [];
  for (const [n, { at, finalPath, source, hash, alreadyThere }] of files.entries()) {
    texts.push(finalPath, source.device ?? '', source.inode ?? '', hash);
    const counted = n * numbersOfPublished;
    numbers[counted] = at;
    numbers[counted + 1] = source.sizeBytes;
    numbers[counted + 2] = source.mtimeMs;
    numbers[counted + 3] = alreadyThere ? 1 : 0;
  }
  return { text: texts.join('\0'), numbers };
}

export function publishedFrom({ text, numbers }: Columns): PublishedFile[] {
  const texts = text.split('\0');
  const files: PublishedFile[] = [];
  for (let n = 0; n * numbersOfPublished < numbers.length; n++) {
    const texted = n * textsOfPublished;
    const counted = n * numbersOfPublished;
    files.push({
      at: numbers[counted] ?? 0,
      finalPath: texts[texted] ?? '',
      source: sourceIdentity(
        texts[texted + 1] ?? '',
        texts[texted + 2] ?? '',
        numbers[counted + 1] ?? 0,
        numbers[counted + 2] ?? 0,
      ),
      hash: texts[texted + 3] ?? '',
      alreadyThere: numbers[counted + 3] === 1,
    });
  }
  return files;
}
