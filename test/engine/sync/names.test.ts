// Names and things that hurt, through a sync: what a place cannot hold is said and holds up nothing; what is no file is neither followed nor waited for.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import type { Job } from '../../../src/model/job.ts';
import type { SyncRequest, SyncStatus } from '../../../src/model/sync-spec.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';

let rig: Rig;
let round = 0;
/** What the destination says of itself. */
let traits: Partial<Endpoint['traits']>;
const at = (...parts: string[]) => rig.at(`round-${round}`, ...parts);

beforeAll(async () => {
  rig = await openRig({
    wrapEndpoint: (address, endpoint) =>
      address.includes('/out') ? { ...endpoint, traits: { ...endpoint.traits, ...traits } } : endpoint,
    limits: { retry: { firstDelayMs: 5, mostDelayMs: 10 } },
  });
});
afterAll(() => rig.remove());
beforeEach(() => {
  round += 1;
  traits = {};
  mkdirSync(at('in'), { recursive: true });
});

const put = (path: string) => {
  mkdirSync(join(at('in', path), '..'), { recursive: true });
  writeFileSync(at('in', path), path);
};
const request = (given: Partial<SyncRequest> = {}): SyncRequest => ({
  ...{ kind: 'sync', source: at('in'), destinations: [at('out')] },
  ...given,
});
const sync = async (given: Partial<SyncRequest> = {}): Promise<Job> =>
  rig.engine.settled((await rig.engine.submit(request(given))).id);
const statusOf = async (job: Job): Promise<SyncStatus> => {
  const { events } = await rig.store.events({ jobId: job.id, name: 'observation.sync.finished', before: '', limit: 1 });
  return events[0]?.data.status as SyncStatus;
};
const namesIn = (folder: string) => readdirSync(at(folder), { recursive: true, encoding: 'utf8' }).sort();
const bytesIn = (folder: string) =>
  readdirSync(at(folder), { encoding: 'buffer' })
    .map((name) => name.toString('hex'))
    .sort();

describe('a place where case does not count', () => {
  it('gets the first of two names that are one there, is told of the other, and loses neither to it', async () => {
    traits = { caseSensitive: false };
    for (const name of ['Sky.png', 'sky.png', 'deep/A', 'deep/a', 'plain.txt']) put(name);
    const problems: string[] = [];
    for await (const { action, path } of rig.engine.plan(request()))
      if (action !== 'copy') problems.push(`${action} ${path}`);
    const job = await sync();
    expect(namesIn('out')).toEqual(['Sky.png', 'deep', 'deep/A', 'plain.txt']);
    expect(readFileSync(at('out/Sky.png'), 'utf8')).toBe('Sky.png');
    const { problems: told } = await statusOf(job);
    expect(told.map(({ path }) => path).sort()).toEqual(['deep/a', 'sky.png']);
    expect(told[0]?.text).toMatch(/are one name at .*, where case does not count/);
    expect(problems.join('\n')).toMatch(/sky\.png/);
    expect(job.state).toBe('partial');
    // Nothing of the source is taken for gone, whichever of the two stands there.
    await sync({ delete: true });
    expect(namesIn('out')).toEqual(['Sky.png', 'deep', 'deep/A', 'plain.txt']);
  });

  it('takes composed and decomposed letters for one name; where case counts they are two files', async () => {
    const twins = ['caf\u00e9.txt', 'cafe\u0301.txt'];
    for (const name of twins) put(name);
    expect((await sync()).state).toBe('completed');
    expect(namesIn('out')).toEqual([...twins].sort());
    for (const name of twins) expect(readFileSync(at('out', name), 'utf8')).toBe(name);
    traits = { caseSensitive: false };
    const job = await sync({ destinations: [at('out-folding')] });
    expect(namesIn('out-folding')).toHaveLength(1);
    expect((await statusOf(job)).problems).toHaveLength(1);
  });
});

it('a place that takes names as Windows does is told of those that it cannot hold, and gets the others', async () => {
  traits = { windowsNames: true };
  const cannot = ['con.txt', 'a:b', 'ends with dot.', 'tab\there', 'deep/aux', 'what?.txt'];
  for (const name of [...cannot, 'plain.txt', 'deep/plain.txt']) put(name);
  const job = await sync();
  expect(namesIn('out')).toEqual(['deep', 'deep/plain.txt', 'plain.txt']);
  expect((await statusOf(job)).problems).toHaveLength(cannot.length);
  expect(job.state).toBe('partial');
});

it('names that shells and terminals live on are names, as files and as folders of the sync', async () => {
  const odd = [
    `a'b"c`,
    'd|e',
    'f\ng',
    '-rf',
    '$(touch pwned)',
    '`id`',
    ';&',
    ' lead',
    'trail ',
    '\u001b[2J',
    '~',
    '*',
    '#x',
  ];
  for (const folder of odd) for (const file of odd) put(`${folder}/${file}`);
  const folders = odd;
  expect(await sync({ folders })).toMatchObject({ state: 'completed', counts: { completed: odd.length ** 2 } });
  expect(namesIn('out')).toEqual(namesIn('in'));
  expect(await sync({ folders, delete: true })).toMatchObject({ state: 'completed', counts: { completed: 0 } });
  rmSync(at('in', '-rf', '*'));
  await sync({ folders, delete: true });
  expect(existsSync(at('out', '-rf', '*'))).toBe(false);
  expect(namesIn('out')).toHaveLength(odd.length ** 2 + odd.length - 1);
  for (const folder of ['.', at()]) expect(existsSync(join(folder, 'pwned'))).toBe(false);
  for (const line of rig.said) expect(line).not.toContain('\u001b');
});

it('bytes that are no UTF-8 come over as they are, and are known again', async () => {
  const raw = Buffer.concat([Buffer.from(`${at('in')}/`), Buffer.from([0xff, 0xc3, 0x28, 0x2e, 0x70])]);
  writeFileSync(raw, 'raw');
  put('plain.txt');
  expect(await sync()).toMatchObject({ state: 'completed', counts: { completed: 2 } });
  expect(bytesIn('out')).toEqual(bytesIn('in'));
  expect(await sync({ delete: true })).toMatchObject({ state: 'completed', counts: { completed: 0 } });
  rmSync(raw);
  await sync({ delete: true });
  expect(namesIn('out')).toEqual(['plain.txt']);
});

it('pipes, sockets, devices and symlinks are no files: none is read, followed, or waited for', async () => {
  put('plain.txt');
  execFileSync('mkfifo', [at('in/pipe')]);
  spawnSync('mknod', [at('in/null'), 'c', '1', '3']);
  symlinkSync('/etc', at('in/folder-out'));
  symlinkSync('/etc/passwd', at('in/file-out'));
  symlinkSync('loop', at('in/loop'));
  const job = await sync({ delete: true });
  expect(job.state).toMatch(/completed|partial/);
  expect(namesIn('out')).toEqual(['plain.txt']);
  // The control: a copy that opens what is listed reads the link's file.
  const naive = spawnSync('cp', ['-L', at('in/file-out'), at('naive')]);
  expect(naive.status).toBe(0);
  expect(readFileSync(at('naive'), 'utf8')).toContain('root:');
});
