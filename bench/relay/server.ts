// The server of the relay's race, as a process of its own: the relay with a room in memory, and plain uploads into a file.

import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { wireBytes } from '../../src/engine/relay/relay-gate.ts';
import { openRelayRig } from '../../test/support/relay-rig.ts';

/** What it is asked, and answers each with one message. */
export type Ask =
  | { readonly begin: string; readonly sizeBytes: number }
  | { readonly end: string }
  | { readonly memory: true }
  | { readonly close: true };

const [folder = ''] = process.argv.slice(2);
const rig = await openRelayRig({
  folder,
  routes(server) {
    server.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
    server.put('/plain', async (request, reply) => {
      await pipeline(request.raw, createWriteStream(join(folder, 'plain')));
      return reply.status(204).send();
    });
  },
});

function ownBytes(): number {
  const line = readFileSync('/proc/self/smaps_rollup', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('Pss_Anon:'));
  return 1024 * Number(/\d+/.exec(line ?? '')?.[0] ?? 0);
}

process.on('message', async (ask: Ask) => {
  if ('begin' in ask) {
    rig.gate.add({ id: ask.begin, sizeBytes: ask.sizeBytes });
    process.send?.({ url: rig.url, path: await rig.create([ask.begin], wireBytes(ask.sizeBytes)) });
  } else if ('end' in ask) {
    rig.gate.setState(ask.end, 'over');
    process.send?.({});
  } else if ('memory' in ask) process.send?.({ ownBytes: ownBytes() });
  else {
    await rig.close();
    process.exit();
  }
});
process.send?.('ready');
