// A day at an ingest desk, for whoever looks at the console: files that move, wait, grow, rest, failed and are proven, in a real daemon.

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CopyRequest } from '../../src/model/specs.ts';
import type { RealConsole } from './real-console.ts';

export const longName =
  'Interview with the master builder about the last of the wooden barges, second camera, take 14, colour corrected.mxf';

/** Ids of jobs by what they show. */
export interface Scene {
  readonly done: string;
  readonly moving: string;
  readonly failed: string;
  readonly waiting: string;
  readonly paused: string;
  readonly cancelled: string;
  readonly watch: string;
  /** Its receiver is not there. */
  readonly webhook: string;
  /** Of the transfer that a job has first. */
  firstOf(jobId: string): Promise<string>;
  /** Ends what writes to the growing file. */
  close(): void;
}

/** So many files at once that none of the scene has to stand in line. */
export const sceneConfig = (folder: string) =>
  `roots: [${folder}]\nlimits: { transfers: 24, perEndpoint: 24 }\nretry: { checkSeconds: 3600 }\n`;

export function prepareScene(folder: string): void {
  for (const name of ['cards/A001', 'cards/B002', 'desk', 'recorder', 'library', 'archive']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  for (let clip = 1; clip <= 12; clip++) {
    const name = `A001C${String(clip).padStart(3, '0')}_261121_R4XQ.mxf`;
    writeFileSync(join(folder, 'cards/A001', name), Buffer.alloc(150_000 * clip, name));
  }
  for (const name of [longName, 'B002C001_261121_R7KD.mxf', 'B002C002_261121_R7KD.mxf']) {
    hollow(join(folder, 'cards/B002', name), 800_000_000);
  }
  hollow(join(folder, 'desk/master.mov'), 4_000_000_000);
  hollow(join(folder, 'desk/pause.wav'), 90_000_000);
  writeFileSync(join(folder, 'desk/notes.txt'), 'take 14 is the one');
  writeFileSync(join(folder, 'desk/rushes.edl'), 'TITLE: RUSHES');
  for (const name of ['notes.txt', 'rushes.edl']) writeFileSync(join(folder, 'archive', name), 'an older one');
}

export async function stageScene(rig: RealConsole): Promise<Scene> {
  const at = (path: string) => join(rig.folder, path);
  const copy = async (sources: readonly string[], destination: string, more: Partial<CopyRequest> = {}) => {
    const body = { kind: 'copy' as const, sources: sources.map(at), destination: at(destination), ...more };
    return (await rig.api.call('createJob', { body })).id;
  };
  const webhook = await stageWebhook(rig);
  const done = await copy(['cards/A001'], 'library/A001');
  const failed = await copy(['desk/notes.txt', 'desk/rushes.edl'], 'archive/', { conflict: 'fail' });
  const waiting = await copy(['desk/master.mov'], 'archive/', { reserveBytes: 9e15 });
  const paused = await copy(['desk/pause.wav'], 'library/', { bandwidth: '20M' });
  const cancelled = await copy(['desk/pause.wav'], 'archive/', { bandwidth: '1M' });
  const moving = await copy(['cards/B002'], 'library/B002', { bandwidth: '6M' });
  const { id: watch } = await rig.api.call('createWatch', {
    body: {
      source: at('recorder'),
      destinations: [at('library/recorder')],
      scanSeconds: 1,
      stableSeconds: 1,
      growthPollSeconds: 0.5,
      growing: { minSize: 1, safetyMargin: 4_000_000, idleSeconds: 3600 },
    },
  });
  const recorder = openSync(at('recorder/live feed 1.ts'), 'w');
  const frame = Buffer.alloc(400_000, 'frame');
  const writing = setInterval(() => writeSync(recorder, frame), 200);
  const scene: Scene = {
    done,
    moving,
    failed,
    waiting,
    paused,
    cancelled,
    watch,
    webhook,
    firstOf: async (jobId) => {
      const [first] = (await rig.api.call('listTransfers', { query: { job: jobId } })).rows;
      if (first === undefined) throw new Error(`The job ${jobId} has no transfer yet.`);
      return first.id;
    },
    close() {
      clearInterval(writing);
      closeSync(recorder);
    },
  };
  await inState(rig, paused, 'transferring');
  await rig.api.call('pauseJob', { params: { id: paused } });
  await inState(rig, cancelled, 'transferring');
  await rig.api.call('cancelJob', { params: { id: cancelled } });
  await inState(rig, failed, 'failed');
  await inState(rig, waiting, 'waiting');
  await inState(rig, moving, 'transferring');
  await inState(rig, watch, 'transferring');
  await until(async () => (await rig.api.call('getJob', { params: { id: done } })).state === 'completed');
  return scene;
}

/** Port 9 discards, where it does anything at all. */
async function stageWebhook(rig: RealConsole): Promise<string> {
  const body = {
    ...{ name: 'News desk', url: 'http://127.0.0.1:9/hooks/wherry', allowPrivate: true },
    events: ['observation.job.*', 'observation.transfer.completed'],
  };
  const { id } = await rig.api.call('createWebhook', { body });
  await rig.api.call('testWebhook', { params: { id } });
  return id;
}

async function inState(rig: RealConsole, job: string, state: string): Promise<void> {
  await until(async () => {
    const { rows } = await rig.api.call('listTransfers', { query: { job } });
    return rows.length > 0 && rows.some((row) => row.state === state);
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const latestMs = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > latestMs) throw new Error('The scene did not come about within a minute.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A file of that size that takes no room on the disk. */
function hollow(path: string, sizeBytes: number): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  closeSync(file);
}
