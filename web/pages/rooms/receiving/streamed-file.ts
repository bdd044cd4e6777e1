// A file that arrives as a download which streams through the service worker: for browsers that let a page write no files. It does not survive a reload.

import { Fault } from '../../../../src/model/fault.ts';
import type { ReceivingFile } from '../../../../src/peer/files.ts';
import { askDisk, writeDisk } from './disk.ts';
import { startDownload } from './leaving.ts';

const scope = '/rooms/';
/** A browser ends a service worker that has heard nothing for half a minute. */
const awakeMs = 10_000;

interface Stream {
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  end(word: 'end' | 'fail'): void;
}

/** `key` is the transfer's id. */
export function streamedFile(key: string, sizeBytes: number, name: string): ReceivingFile {
  let opening: Promise<Stream> | undefined;
  let hasBytes = false;
  const open = () => {
    opening ??= askDisk({ op: 'open', key, sizeBytes, staged: false }).then(() => openStream(name, sizeBytes));
    return opening;
  };
  return {
    kept: async () => 0,
    async write(from, bytes) {
      const stream = await open();
      await writeDisk(key, from, bytes);
      await stream.send(new Uint8Array(bytes));
      hasBytes = true;
    },
    async restart() {
      if (!hasBytes) return;
      throw new Fault(
        'source_changed',
        `${name} changed at its sender, and a download cannot begin again: ask for it once more.`,
      );
    },
    async finish() {
      await open();
      return (await askDisk({ op: 'finish', key })).sha256;
    },
    async publish() {
      (await open()).end('end');
      await askDisk({ op: 'close', key });
    },
    async abandon() {
      await askDisk({ op: 'close', key });
      if (opening !== undefined) (await opening).end('fail');
      opening = undefined;
    },
  };
}

async function openStream(name: string, sizeBytes: number): Promise<Stream> {
  await navigator.serviceWorker.register('/room-downloads.js', { scope });
  const { active } = await navigator.serviceWorker.ready;
  if (active === null) throw new Fault('unsupported', 'This browser runs no service worker for downloads.');
  const { port1: port, port2 } = new MessageChannel();
  let room = 0;
  let ended: Fault | undefined;
  let ready: () => void = () => undefined;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };
  port.onmessage = ({ data }: MessageEvent<'ready' | 'more' | 'cancelled'>) => {
    if (data === 'ready') ready();
    else if (data === 'more') room += 1;
    else ended = new Fault('io', `The download of ${name} was ended in the browser.`);
    wake();
  };
  const address = `${scope}-/download/${crypto.randomUUID()}`;
  await new Promise<void>((resolve) => {
    ready = resolve;
    active.postMessage({ address, name, sizeBytes }, [port2]);
  });
  const awake = setInterval(() => active.postMessage('awake'), awakeMs);
  startDownload(address);
  return {
    async send(bytes) {
      while (room === 0 && ended === undefined) await new Promise<void>((go) => waiting.push(go));
      if (ended !== undefined) throw ended;
      room -= 1;
      port.postMessage(bytes, [bytes.buffer]);
    },
    end(word) {
      clearInterval(awake);
      port.postMessage(word);
    },
  };
}
