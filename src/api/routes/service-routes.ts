// What machines ask: is it alive, is it ready, how does it do, what can it do.

import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../model/fault.ts';
import { docsPage } from '../docs-page.ts';
import { openApiDocument } from '../openapi.ts';
import { route } from '../route.ts';

/** A ledger that takes longer than this to answer a small question is not ready. */
const readyMs = 3000;

export const serviceRoutes = [
  route('health', () => Promise.resolve({ status: 'ok' as const })),
  route('readiness', async (_, { isReady, reader }) => {
    if (!isReady()) throw new Fault('unreachable', 'The daemon is still starting.');
    const late = new AbortController();
    try {
      await Promise.race([
        reader.eventCursor(),
        sleep(readyMs, undefined, { signal: late.signal }).then(() => {
          throw new Fault('ledger', 'The ledger does not answer.');
        }),
      ]);
    } catch {
      throw new Fault('ledger', 'The ledger does not answer.');
    } finally {
      late.abort();
    }
    return { status: 'ready' as const };
  }),
  route('metrics', (_, { metrics }) => metrics.text()),
  route('openapi', (_, { version }) => Promise.resolve(openApiDocument(version))),
  route('docs', (_, { version }) => Promise.resolve(docsPage(version).html)),
];
