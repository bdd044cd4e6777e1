// T32: infected files, and a virus scanner that is down or hangs while files come in that are to be scanned.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceAdapter } from '../../../src/devices/device.ts';
import { createDeviceRegistry } from '../../../src/devices/registry.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import { createProcessRunner, processOperations } from '../../../src/engine/process/process-runner.ts';
import { openWorkNotes } from '../../../src/engine/process/work-notes.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { pipelineSchema } from '../../../src/model/pipeline.ts';
import { createStepThreads } from '../../../src/steps/step-threads.ts';
import { type Clamd, eicar, prepareClamd } from '../../support/clamd.ts';
import { openRig } from '../../support/engine-rig.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { createTally } from '../tally.ts';

interface Scanning {
  readonly steps: (clamd: Clamd) => readonly object[];
  /** What the scanner is put through; the naive way would wait for a held one for ever. */
  readonly mayHang: boolean;
}

const deliver = { step: 'exec', argv: ['cp', '{input}', '{output}'], output: '{name}.delivered', role: 'delivered' };
const scans: Scanning = {
  steps: ({ socket }) => [{ step: 'scan', socket, quietSeconds: 1 }, deliver],
  mayHang: true,
};
const believes: Scanning = {
  steps: ({ config }) => {
    const script = 'clamdscan --config-file="$1" --no-summary --stream "$2"; [ $? -eq 1 ] && exit 1; cp "$2" "$3"';
    const argv = ['sh', '-c', script, 'x', config, '{input}', '{output}'];
    return [{ step: 'exec', argv, output: '{name}.delivered', role: 'delivered' }];
  },
  mayHang: false,
};

/** Every third is infected: as itself, or deep inside. */
function contentsOf(count: number): ReadonlyMap<string, Buffer> {
  const pad = Buffer.alloc(300_000, 'harmless ');
  return new Map(
    Array.from({ length: count }, (_, at) => {
      const sick =
        at % 3 === 0 ? (at % 2 === 0 ? Buffer.from(eicar) : Buffer.concat([pad, Buffer.from(eicar), pad])) : undefined;
      return [
        `f${at}-${sick === undefined ? 'well' : 'sick'}.bin`,
        sick ?? Buffer.concat([pad, Buffer.from(`number ${at}`)]),
      ];
    }),
  );
}

function cardOf(contents: ReadonlyMap<string, Buffer>): DeviceAdapter {
  return {
    kind: 'card',
    async *discover() {
      yield { id: 'card-1', kind: 'card', name: 'Card' };
    },
    connect: async () => ({
      async *list() {
        for (const [path, bytes] of contents) yield { path, size: bytes.length, mtime: 1_700_000_000_000 };
      },
      read: async (path, from) => new Blob([new Uint8Array(contents.get(path)?.subarray(from) ?? [])]).stream(),
      close: async () => undefined,
    }),
  };
}

async function torment({ steps, mayHang }: Scanning, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const random = randomFrom(options.seed);
  const contents = contentsOf(24);
  const clamd = prepareClamd();
  const mounts = openMounts({ modules: [processOperations] });
  const threads = createStepThreads();
  const notes = openWorkNotes(join(options.scratch, 'notes'), mounts);
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const devices = createDeviceRegistry({ adapters: [cardOf(contents)], clock: systemClock, log: quiet });
  const rig = await openRig({
    folder: join(options.scratch, 'rig'),
    devices,
    processRunner: createProcessRunner({ mounts, threads, clock: systemClock, notes }),
    offloading: { pipelines: [pipelineSchema.parse({ name: 'scanned', steps: steps(clamd) })] },
    limits: { tickSeconds: 0.2, retry: { firstDelayMs: 50, checkMs: 200, jitter: 0 } },
  });
  const processed = rig.at('media/transfers/processed');
  const downloads = rig.at('media/transfers/downloads');
  const namesIn = (path: string) => (existsSync(path) ? readdirSync(path).filter((name) => !name.startsWith('.')) : []);
  // Results of an original lie in a folder of its name.
  const delivered = () =>
    namesIn(processed).flatMap((name) => namesIn(join(processed, name)).map((result) => `${name}/${result}`));
  const look = () => {
    for (const path of delivered()) if (path.includes('sick')) tally.corrupt(`delivered although infected: ${path}`);
    for (const path of namesIn(downloads))
      if (path.includes('sick')) tally.corrupt(`under its name although infected: ${path}`);
  };
  const reading = setInterval(look, 10);
  let runs = 0;
  try {
    devices.start();
    await devices.look();
    // It is down when the first files come.
    const job = await rig.engine.queueBatch({ device: 'card-1' });
    const settled = rig.engine.settled(job.id);
    let over = false;
    const noted = settled.finally(() => {
      over = true;
    });
    noted.catch(() => undefined);
    for (; runs < options.runs && !over; runs++) {
      await sleep(300 + random() * 700);
      await clamd.start();
      await sleep(random() * 300);
      if (mayHang && random() < 0.5) {
        clamd.hang();
        await sleep(200 + random() * 1_500);
        clamd.goOn();
      } else await clamd.stop();
    }
    await clamd.stop();
    await clamd.start();
    await settled;
    look();
    const rows = await rig.transfers(job.id);
    const results = delivered();
    for (const [path, bytes] of contents) {
      const row = rows.find(({ source }) => source.path === path);
      const own = results.filter((each) => each.startsWith(`${path}/`));
      if (path.includes('sick')) {
        if (row?.error?.code !== 'infected') tally.fault(`${path}: ${row?.state} ${row?.error?.code}`);
        continue;
      }
      if (!existsSync(join(downloads, path))) tally.lost(`the original ${path}`);
      if (row?.state !== 'completed' || own.length !== 1)
        tally.lost(`${path}: ${row?.state}, delivered ${own.length} times`);
      for (const each of own) if (!readFileSync(join(processed, each)).equals(bytes)) tally.corrupt(each);
    }
    const hidden = existsSync(downloads) ? readdirSync(downloads).filter((name) => name.startsWith('.')) : [];
    if (hidden.length > 0) tally.fault(`left behind: ${hidden.slice(0, 3).join(', ')}`);
    const { events } = await rig.store.events({ limit: 1000 });
    const waited = events.filter(
      ({ name, data }) => name === 'observation.transfer.waiting' && data.reason === 'tool',
    ).length;
    if (mayHang && waited === 0) tally.fault('nothing ever waited for the scanner');
    options.say(`${runs} times away, ${waited} waits, ${results.length} delivered`);
  } finally {
    clearInterval(reading);
    await rig.close();
    await devices.close();
    await threads.close();
    await mounts.close();
    await clamd.close();
  }
  return tally.result(runs);
}

export const scannerAway: Row = {
  id: 'T32',
  title: 'infected files; the virus scanner is down, or hangs',
  runs: 20,
  run: (options) => torment(scans, { ...options, runs: Math.max(4, Math.round(options.runs * options.scale)) }),
  control: (options) => torment(believes, { ...options, runs: 3 }),
};
