// The worker that writes arriving files to disk and hashes them, away from the page: one for all of them.

import { asFault, Fault } from '../../../../src/model/fault.ts';
import { type DiskFile, openPassing, openStaged } from './disk-file.ts';
import type { DiskAnswer, DiskQuestion, SpentBuffer } from './disk-messages.ts';
import { dataName, journalName, openStagingFolder, savedName } from './staging-folder.ts';

interface Asked {
  readonly id: number;
  readonly question: DiskQuestion;
}

const files = new Map<string, DiskFile>();
/** What is asked of one file is done in its order. */
const turns = new Map<string, Promise<void>>();

self.onmessage = ({ data: { id, question } }: MessageEvent<Asked>) => {
  const { key } = question;
  const turn = (turns.get(key) ?? Promise.resolve()).then(async () => {
    const said = await answer(id, question);
    self.postMessage(said);
    if (question.op === 'write') {
      if (said.ok) files.get(key)?.hash(question.bytes);
      const spent: SpentBuffer = { spent: question.bytes.buffer };
      self.postMessage(spent, { transfer: [spent.spent] });
    }
    if (turns.get(key) === turn) turns.delete(key);
  });
  turns.set(key, turn);
};

async function answer(id: number, question: DiskQuestion): Promise<DiskAnswer> {
  try {
    return { id, ok: true, keptBytes: 0, sha256: '', ...(await act(question)) };
  } catch (error) {
    return { id, ok: false, error: faultOf(error).report() };
  }
}

async function act(question: DiskQuestion): Promise<{ keptBytes?: number; sha256?: string }> {
  const { key } = question;
  switch (question.op) {
    case 'open': {
      close(key);
      const { staged, sizeBytes } = question;
      const file = await (staged && sizeBytes !== undefined ? openStaged(key, sizeBytes) : openPassing(sizeBytes));
      files.set(key, file);
      return { keptBytes: file.keptBytes };
    }
    case 'write':
      opened(key).write(question.from, question.bytes);
      return {};
    case 'restart':
      opened(key).restart();
      return {};
    case 'finish':
      return { sha256: opened(key).finish() };
    case 'close':
      close(key);
      return {};
    case 'abandon':
      close(key);
      await removeStaged(key);
      return {};
  }
}

function opened(key: string): DiskFile {
  const file = files.get(key);
  if (file === undefined) throw new Fault('state_conflict', 'This file is not open any more.');
  return file;
}

function close(key: string): void {
  files.get(key)?.close();
  files.delete(key);
}

async function removeStaged(key: string): Promise<void> {
  const folder = await openStagingFolder();
  for (const name of [dataName(key), journalName(key), savedName(key)]) {
    await folder.removeEntry(name).catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
    });
  }
}

function faultOf(error: unknown): Fault {
  if (error instanceof Fault || !(error instanceof DOMException)) return asFault(error);
  if (error.name === 'QuotaExceededError') {
    return new Fault('space', 'The browser has no room for more of this file.', { cause: error });
  }
  return new Fault('io', `The browser could not write the file: ${error.message}`, { cause: error });
}
