// The page's side of its disk worker: questions and answers, and the hash of a file that is read here.

import { Fault, faultFrom } from '../../../../src/model/fault.ts';
import type { RunningHash } from '../../../../src/peer/files.ts';
import type { DiskAnswer, DiskQuestion, SpentBuffer } from './disk-messages.ts';

type Settled = Extract<DiskAnswer, { ok: true }>;

interface Waiting {
  readonly resolve: (answer: Settled) => void;
  readonly reject: (error: Fault) => void;
}

let worker: Worker | undefined;
let lastId = 0;
const waiting = new Map<number, Waiting>();

/** Rejects with what the worker's answer says, `internal` where it has broken. */
export function askDisk(question: DiskQuestion, transfer: Transferable[] = []): Promise<Settled> {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    running().postMessage({ id, question }, transfer);
  });
}

function running(): Worker {
  if (worker !== undefined) return worker;
  const started = new Worker(new URL('./disk-worker.ts', import.meta.url), { type: 'module' });
  started.onmessage = ({ data }: MessageEvent<DiskAnswer | SpentBuffer>) => {
    if ('spent' in data) {
      if (spare.length < mostSpare) spare.push(data.spent);
      return;
    }
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.ok) asked?.resolve(data);
    else asked?.reject(faultFrom(data.error));
  };
  started.onerror = (event) => {
    worker = undefined;
    started.terminate();
    const fault = new Fault('internal', `What writes files in this page has broken: ${event.message}`);
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
  };
  worker = started;
  return started;
}

/** Buffers that have come back from the worker. */
const spare: ArrayBuffer[] = [];
const mostSpare = 16;

/** A copy goes to the worker: what is handed over is gone from the page, and the caller's may be part of a larger buffer. */
export async function writeDisk(key: string, from: number, bytes: Uint8Array): Promise<void> {
  const at = spare.findIndex(({ byteLength }) => byteLength >= bytes.length);
  const [buffer = new ArrayBuffer(bytes.length)] = at < 0 ? [] : spare.splice(at, 1);
  const copy = new Uint8Array(buffer, 0, bytes.length);
  copy.set(bytes);
  await askDisk({ op: 'write', key, from, bytes: copy }, [copy.buffer]);
}

/** SHA-256 in the worker, away from the page. */
export function diskHash(): RunningHash {
  const key = `hash ${crypto.randomUUID()}`;
  const open = askDisk({ op: 'open', key, sizeBytes: undefined, staged: false });
  // Whoever asks for the hash is told.
  open.catch(() => undefined);
  let at = 0;
  return {
    async update(bytes) {
      const from = at;
      at += bytes.length;
      await open;
      await writeDisk(key, from, bytes);
    },
    async digest() {
      await open;
      const { sha256 } = await askDisk({ op: 'finish', key });
      await askDisk({ op: 'close', key });
      return sha256;
    },
  };
}
