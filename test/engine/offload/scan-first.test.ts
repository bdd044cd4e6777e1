// What is to be scanned gets its name only once the scanner has called it clean: before, nobody finds it, whatever is stopped or killed meanwhile.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import { createProcessRunner, processOperations } from '../../../src/engine/process/process-runner.ts';
import { openWorkNotes } from '../../../src/engine/process/work-notes.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { type Pipeline, pipelineSchema } from '../../../src/model/pipeline.ts';
import { createStepThreads } from '../../../src/steps/step-threads.ts';
import { type Clamd, eicar, prepareClamd } from '../../support/clamd.ts';
import { createMemoryDevices } from '../../support/memory-devices.ts';
import { deviceFile as file, type OffloadRig, openOffloadRig } from '../../support/offload-rig.ts';
import { filesBelow } from '../../support/trees.ts';

let folder: string;
let clamd: Clamd;
const mounts = openMounts({ modules: [processOperations] });
const threads = createStepThreads();
const rigs: OffloadRig[] = [];

beforeAll(() => {
  clamd = prepareClamd();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-scan-'));
});
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.remove();
  await clamd.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await clamd.close();
  await threads.close();
  await mounts.close();
});

const open = async (...steps: readonly object[]) => {
  const pipelines: readonly Pipeline[] = [pipelineSchema.parse({ name: 'all', steps })];
  const notes = openWorkNotes(join(folder, 'notes'), mounts);
  const processRunner = createProcessRunner({ mounts, threads, clock: systemClock, notes });
  const rig = await openOffloadRig({ pipelines, processRunner, devices: createMemoryDevices() });
  rigs.push(rig);
  return rig;
};
const scan = () => ({ step: 'scan', socket: clamd.socket, quietSeconds: 300 });
/** A step that does not end before there is a file of that name. */
const copiedOnce = (gate: string) => {
  const script = 'until [ -e "$1" ]; do sleep 0.02; done; cp "$2" "$3"';
  const argv = ['sh', '-c', script, 'x', gate, '{input}', '{output}'];
  return { step: 'exec', argv, output: '{name}.copy', role: 'copy' };
};
const named = (rig: OffloadRig) => filesBelow(rig.downloads).filter((path) => !path.startsWith('.'));

describe('a file whose pipeline says scan', () => {
  it('waits under no name while there is no scanner, and is scanned once', async () => {
    const gate = join(folder, 'gate');
    const rig = await open(copiedOnce(gate), scan());
    rig.devices.add('cam', [file('a.mp4', 9_000_000), ...['b', 'c', 'd', 'e'].map((name) => file(name, 1_000))]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    const waits = await rig.until(({ waiting }) => waiting?.reason === 'tool');
    expect(waits).toMatchObject({ state: 'waiting', phase: 'transfer' });
    expect(waits.error?.message).toContain('clamav-daemon');
    expect(named(rig)).toEqual([]);
    await clamd.start();
    await rig.until(() => named(rig).length === 5);
    // Nobody is to be asked again when the pipeline comes to its step.
    await clamd.stop();
    writeFileSync(gate, '');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 5, failed: 0 } });
    expect(named(rig)).toEqual(['a.mp4', 'b', 'c', 'd', 'e']);
    for (const { id } of await rig.transfers(job.id)) {
      const recording = await rig.store.recording(id);
      expect(recording?.facts.scan).toMatchObject({ scan: { verdict: 'clean' } });
      expect(recording?.derived.map(({ role }) => role)).toEqual(['copy']);
    }
  });

  it('does not get its name when it is infected, and nothing of it is kept', async () => {
    await clamd.start();
    const rig = await open(scan());
    const sick = new TextEncoder().encode(eicar);
    rig.devices.add('cam', [file('well.bin', 5_000), { ...file('sick.bin', sick.length), content: sick }]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'partial', counts: { completed: 1, failed: 1 } });
    const row = (await rig.transfers(job.id)).find(({ source }) => source.path === 'sick.bin');
    expect(row).toMatchObject({ state: 'failed', phase: 'transfer', error: { code: 'infected' } });
    expect(row?.error?.message).toContain(join(rig.downloads, 'sick.bin'));
    expect(filesBelow(rig.at('media'))).toEqual(['transfers/downloads/well.bin']);
  });

  it('is cancelled while the scanner hangs, and leaves nothing; paused, it goes on', async () => {
    await clamd.start();
    clamd.hang();
    const rig = await open(scan());
    rig.devices.add('cam', [file('a', 3_000_000), file('b', 3_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    // Whole, and not yet named: all that is left is the scan.
    const rows = async () => await rig.transfers(job.id);
    await rig.until(({ source, state }) => source.path === 'b' && state === 'transferring');
    const [one, other] = await rows();
    await rig.engine.cancel({ transferId: one?.id ?? '' });
    await rig.engine.pause({ transferId: other?.id ?? '' });
    expect((await rows()).map(({ state }) => state)).toEqual(['cancelled', 'paused']);
    expect(named(rig)).toEqual([]);
    clamd.goOn();
    await rig.engine.resume({ transferId: other?.id ?? '' });
    await rig.engine.settled(job.id);
    // What processing has worked with is swept right after it.
    await expect.poll(() => filesBelow(rig.at('media'))).toEqual(['transfers/downloads/b']);
  });
});
