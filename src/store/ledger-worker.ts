// The script of the ledger's threads: opens one connection and answers what it is asked, one after the other.

import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { asFault } from '../model/fault.ts';
import { giveMemoryBackWhenIdle } from './idle-memory.ts';
import { openLedgerDesk } from './ledger-desk.ts';
import type { NumberedRequest, ThreadMessage, ThreadStart } from './ledger-messages.ts';

const port = parentPort;
if (port === null) throw new Error('ledger-worker runs in a worker thread only');
const start = workerData as ThreadStart;
const say = (message: ThreadMessage): void => port.postMessage(message);

if (start.waits) {
  say({ kind: 'loaded' });
  await once(port, 'message');
}
try {
  const desk = openLedgerDesk(start);
  port.on('message', (request: NumberedRequest) => {
    try {
      say({ kind: 'done', id: request.id, value: desk.answer(request) });
    } catch (error) {
      say({ kind: 'failed', id: request.id, fault: asFault(error).report() });
    }
    // The thread is about to be ended without a chance to keep what it compiled.
    if (request.kind === 'close') flushCompileCache();
  });
  giveMemoryBackWhenIdle();
  say({ kind: 'ready', ledgerId: desk.ledgerId, foldedPacks: desk.foldedPacks });
} catch (error) {
  say({ kind: 'refused', fault: asFault(error).report() });
}
