// The sync contract as older clients speak it, field by field: curl and the real socket.io-client against a daemon and a real sshd.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daemon, daemonToken, startDaemon } from '../support/daemon.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

type Json = Record<string, unknown>;

const progressKeys = [
  ...['sync_id', 'job_id', 'status', 'progress_percent', 'current_stage', 'current_folder', 'current_file'],
  ...['total_folders', 'completed_folders', 'transferred_files', 'total_files', 'transferred_bytes', 'total_bytes'],
  ...['transfer_rate_mbps', 'estimated_time_remaining', 'start_time', 'last_update', 'end_time', 'errors', 'warnings'],
];
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const plainTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/;
const patient = { timeout: 60_000, interval: 50 };
const day = 24 * 3600;

let folder: string;
let sshd: Sshd;
let daemon: Daemon;
let config: string;
const sockets: Socket[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wh-contract-'));
  sshd = await startSshd();
  const login = { user: sshd.user, identityFile: sshd.identityFile, knownHosts: sshd.knownHosts, agent: false };
  const own = { ...login, root: join(sshd.files, 'forge'), host: '127.0.0.1', port: sshd.port };
  const presets = {
    forge: { ...own, destination: join(folder, 'by preset') },
    comfyui: { ...login, root: sshd.files },
  };
  config = `roots: [${folder}]\nlogs: {level: warn}\ncompat: {syncWithoutToken: true}\nsync: ${JSON.stringify({ presets })}\n`;
  daemon = await startDaemon(join(folder, 'daemon'), { config });
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await daemon.kill();
  await sshd.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Files on the host; `old` ones may be cleaned away. */
function onHost(below: string, files: Readonly<Record<string, number>>, old = false): string {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(sshd.files, below, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, Buffer.alloc(bytes, name));
    const at = Date.now() / 1000 - (old ? 3 * day : 60);
    utimesSync(path, at, at);
  }
  return join(sshd.files, below);
}

const startBody = (more: Json = {}): Json => ({
  ...{ source_type: 'forge', source_host: '127.0.0.1', source_port: sshd.port, dest_path: join(folder, 'home') },
  ...{ extract_metadata: false, generate_xmp: false },
  ...more,
});
const ask = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const answer = await fetch(daemon.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: (await answer.json()) as Json };
};
const start = async (more: Json = {}) => {
  const { status, json } = await ask('/api/v2/sync/start', startBody(more));
  expect({ status, ...json }).toMatchObject({ status: 200, success: true });
  return json as { job_id: string; sync_id: string; message: string };
};
const jobOf = async (id: string) => (await ask(`/api/v2/sync/status/${id}`)).json.job as Json;
const statusOf = async (id: string) => (await jobOf(id)).status;
const progressOf = async (id: string) => (await ask(`/api/v2/sync/progress/${id}`)).json.progress as Json;
const connect = async () => {
  const socket = io(`${daemon.url}/sync`, { transports: ['websocket'], forceNew: true });
  sockets.push(socket);
  const heard: (readonly [string, Json])[] = [];
  socket.onAny((name: string, data: Json) => heard.push([name, data]));
  await once(socket as never, 'connected');
  const names = () => heard.map(([name]) => name);
  const all = (name: string) => heard.filter(([one]) => one === name).map(([, data]) => data);
  return { socket, heard, names, all };
};

test('start, status, progress and active by curl, each with just its fields, to the end at 100 %', async () => {
  onHost('forge/txt2img-images', { 'a b.png': 3000, '2026-01-01/c.png': 1 });
  onHost('forge/txt2img-images', { 'old.png': 500 }, true);
  onHost('forge/extras-images', { 'd.png': 0 });
  onHost('forge/elsewhere', { 'not meant.png': 9 });
  const curl = (...args: string[]) => JSON.parse(execFileSync('curl', ['-sS', ...args], { encoding: 'utf8' })) as Json;
  const began = Date.now();
  const started = curl(
    ...['-H', 'Content-Type: application/json', '-d', JSON.stringify(startBody())],
    `${daemon.url}/api/v2/sync/start`,
  );
  expect(Object.keys(started)).toEqual(['success', 'job_id', 'sync_id', 'message']);
  expect(started).toMatchObject({ success: true, message: 'Sync started successfully' });
  const id = String(started.job_id);
  expect(id).toMatch(uuid4);
  const [, date = '', time = '', tail] = /^sync_(\d{8})_(\d{6})_([0-9a-f]{8})$/.exec(String(started.sync_id)) ?? [];
  expect(tail).toBe(id.slice(0, 8));
  const stamp = `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`;
  expect(Math.abs(Date.parse(stamp) - began)).toBeLessThan(60_000);

  await expect.poll(() => statusOf(id), patient).toBe('complete');
  const status = curl(`${daemon.url}/api/v2/sync/status/${id}`);
  expect(Object.keys(status)).toEqual(['success', 'job']);
  const job = status.job as Json & { result: Json };
  expect(Object.keys(job)).toEqual(['id', 'status', 'start_time', 'end_time', 'result']);
  expect(Object.keys(job.result)).toEqual(['success', 'files_transferred', 'bytes_transferred', 'duration', 'errors']);
  expect(job).toMatchObject({
    ...{ id, status: 'complete', start_time: expect.stringMatching(plainTime) },
    end_time: expect.stringMatching(plainTime),
    result: { success: true, files_transferred: 4, bytes_transferred: 3501, errors: [] },
  });
  expect(typeof job.result.duration).toBe('number');
  const { progress, ...rest } = curl(`${daemon.url}/api/v2/sync/progress/${id}`) as { progress: Json };
  expect(rest).toEqual({ success: true });
  expect(Object.keys(progress)).toEqual(progressKeys);
  expect(progress).toMatchObject({
    ...{ sync_id: started.sync_id, job_id: id, status: 'complete', progress_percent: 100 },
    ...{ total_folders: 2, completed_folders: 2, transferred_files: 4, total_files: 4 },
    ...{ transferred_bytes: 3501, total_bytes: 3501, transfer_rate_mbps: 0, estimated_time_remaining: 0 },
    ...{ start_time: job.start_time, end_time: job.end_time, errors: [], warnings: [] },
  });
  expect(progress.last_update).toMatch(plainTime);
  expect(curl(`${daemon.url}/api/v2/sync/active`)).toEqual({ success: true, jobs: [], count: 0 });

  const home = join(folder, 'home');
  expect(readFileSync(join(home, 'txt2img-images/a b.png'))).toHaveLength(3000);
  expect(existsSync(join(home, 'txt2img-images/2026-01-01/c.png'))).toBe(true);
  expect(existsSync(join(home, 'elsewhere'))).toBe(false);
  // Cleanup is on unless it is switched off: what is old and proven goes at the source.
  expect(existsSync(join(sshd.files, 'forge/txt2img-images/old.png'))).toBe(false);
  expect(existsSync(join(sshd.files, 'forge/txt2img-images/a b.png'))).toBe(true);
}, 120_000);

test('what is missing, wrong or unknown is refused as these clients know it', async () => {
  for (const field of ['source_type', 'source_host', 'source_port', 'dest_path']) {
    const { [field]: _, ...body } = startBody();
    expect(await ask('/api/v2/sync/start', body)).toEqual({
      status: 400,
      json: { success: false, error: `Missing required field: ${field}` },
    });
  }
  const refused = [
    startBody({ source_type: 'invokeai' }),
    startBody({ source_host: '-oProxyCommand=touch /tmp/x' }),
    startBody({ source_host: 'a b' }),
    startBody({ source_port: 70_000 }),
    startBody({ dest_path: '/etc/elsewhere' }),
    startBody({ folders: ['../..'] }),
    startBody({ parallel_transfers: 0 }),
    [],
  ];
  for (const body of refused) {
    const { status, json } = await ask('/api/v2/sync/start', body);
    expect([status, Object.keys(json), json.success]).toEqual([400, ['success', 'error'], false]);
  }
  const none = '0b0e9c50-7f6e-4a0b-9a38-3f1f5a5f0000';
  for (const path of [`status/${none}`, `progress/${none}`]) {
    const { status, json } = await ask(`/api/v2/sync/${path}`);
    expect([status, Object.keys(json), json.success]).toEqual([404, ['success', 'error'], false]);
  }
  expect((await ask(`/api/v2/sync/cancel/${none}`, {})).status).toBe(404);
});

test('the socket tells progress and every end: success, cancelled, failed', async () => {
  const { socket, names, all } = await connect();
  expect(names()).toEqual(['connected']);
  socket.emit('subscribe_progress', {});
  await expect.poll(() => all('error'), patient).toEqual([{ message: 'sync_id is required' }]);

  const source_path = onHost('slow', { 'big.bin': 3_000_000 });
  const slow = await start({ source_path, folders: [], bandwidth_limit_mbps: 0.4, enable_cleanup: false });
  socket.emit('subscribe_progress', { sync_id: slow.sync_id });
  await expect.poll(() => all('subscribed'), patient).toEqual([{ sync_id: slow.sync_id }]);
  const moving = () => all('sync_progress').filter(({ status }) => status === 'transferring');
  await expect.poll(() => moving().length, patient).toBeGreaterThan(0);
  for (const progress of all('sync_progress')) {
    expect(Object.keys(progress)).toEqual(progressKeys);
    expect(progress).toMatchObject({ sync_id: slow.sync_id, job_id: slow.job_id, end_time: null });
    expect(progress.progress_percent).toBeLessThan(100);
  }
  const active = (await ask('/api/v2/sync/active')).json as { jobs: Json[]; count: number };
  expect(active.count).toBe(1);
  expect(Object.keys(active.jobs[0] ?? {})).toEqual(['id', 'status', 'start_time', 'source_type', 'source_host']);
  expect(active.jobs[0]).toMatchObject({ id: slow.job_id, source_type: 'forge', source_host: '127.0.0.1' });
  expect(await jobOf(slow.job_id)).toMatchObject({ end_time: null, result: null });
  expect(await ask(`/api/v2/sync/cancel/${slow.job_id}`, {})).toEqual({
    status: 200,
    json: { success: true, message: 'Sync cancelled successfully' },
  });
  await expect.poll(() => all('sync_complete'), patient).toHaveLength(1);
  expect(all('sync_complete')[0]).toEqual({
    ...{ sync_id: slow.sync_id, job_id: slow.job_id, status: 'cancelled' },
    result: { success: false, files_transferred: 0, bytes_transferred: 0, duration: expect.any(Number), errors: [] },
  });
  expect((await progressOf(slow.job_id)).progress_percent).toBeLessThan(100);
  expect((await ask(`/api/v2/sync/cancel/${slow.job_id}`, {})).status).toBe(400);
  socket.emit('unsubscribe_progress', { sync_id: slow.sync_id });
  await expect.poll(() => all('unsubscribed'), patient).toEqual([{ sync_id: slow.sync_id }]);

  // Nobody listens there.
  const lost = await start({ source_port: 1, retry_attempts: 1, retry_delay_seconds: 0 });
  socket.emit('subscribe_progress', { sync_id: lost.sync_id });
  await expect.poll(() => all('sync_complete').at(-1)?.status, patient).toBe('failed');
  const { result, job_id } = all('sync_complete').at(-1) as { result: Json & { errors: string[] }; job_id: string };
  expect(job_id).toBe(lost.job_id);
  expect(result).toMatchObject({ success: false, files_transferred: 0 });
  expect(result.errors.length).toBeGreaterThan(0);
  expect(await progressOf(lost.job_id)).toMatchObject({ status: 'failed', errors: result.errors });

  const good = await start({ source_path: onHost('few', { 'x.png': 5 }), folders: [], enable_cleanup: false });
  socket.emit('subscribe_progress', { sync_id: good.sync_id });
  await expect.poll(() => all('sync_complete').at(-1)?.status, patient).toBe('complete');
  expect(all('sync_progress').at(-1)).toMatchObject({ status: 'complete', progress_percent: 100 });
  // Each end was told once.
  expect(all('sync_complete').map((one) => one.sync_id)).toEqual([slow.sync_id, lost.sync_id, good.sync_id]);
}, 180_000);

test('a folder that fails makes the whole failed, with true figures', async () => {
  const source_path = onHost('part', { 'here/x.png': 7 });
  const { job_id } = await start({
    ...{ source_path, folders: ['here', 'nowhere'], enable_cleanup: false, retry_attempts: 1 },
    dest_path: join(folder, 'part'),
  });
  await expect.poll(() => statusOf(job_id), patient).toBe('failed');
  expect((await jobOf(job_id)).result).toMatchObject({ success: false, files_transferred: 1, bytes_transferred: 7 });
  expect(((await jobOf(job_id)).result as { errors: string[] }).errors.join()).toContain('nowhere');
}, 90_000);

test('ids and statuses outlive a killed daemon, and what was under way goes on', async () => {
  const { rows } = await daemon.client.call('listJobs', { query: { kind: 'sync' } });
  const source_path = onHost('long', { 'long.bin': 2_000_000 });
  const long = await start({ source_path, folders: [], bandwidth_limit_mbps: 0.5, enable_cleanup: false });
  await expect.poll(() => statusOf(long.job_id), patient).toBe('transferring');
  const cancelled = await start({
    source_path: onHost('other', { 'o.bin': 2_000_000 }),
    folders: [],
    bandwidth_limit_mbps: 0.1,
    dest_path: join(folder, 'other'),
  });
  await ask(`/api/v2/sync/cancel/${cancelled.job_id}`, {});
  const before = await jobOf(cancelled.job_id);
  await daemon.kill();
  daemon = await startDaemon(join(folder, 'daemon'), { config });
  expect(await jobOf(cancelled.job_id)).toEqual(before);
  expect(await statusOf(long.job_id)).not.toBe('failed');
  const { socket, all } = await connect();
  socket.emit('subscribe_progress', { sync_id: long.sync_id });
  await expect.poll(() => all('sync_complete').at(-1)?.status, patient).toBe('complete');
  expect((await jobOf(long.job_id)).result).toMatchObject({
    success: true,
    files_transferred: 1,
    bytes_transferred: 2_000_000,
  });
  expect((await daemon.client.call('listJobs', { query: { kind: 'sync' } })).rows).toHaveLength(rows.length + 2);
}, 120_000);

test('the older routes start the preset and answer when it has ended', async () => {
  const { status, json } = await ask('/sync/forge', {});
  expect([status, json.success, json.status]).toEqual([200, true, 'complete']);
  expect(existsSync(join(folder, 'by preset/txt2img-images/a b.png'))).toBe(true);
  const unnamed = await ask('/sync/comfy', {});
  expect([unnamed.status, unnamed.json.success]).toEqual([400, false]);
}, 90_000);

test('without a token from this machine alone, and only where it is allowed', async () => {
  expect((await ask('/api/v2/sync/active', undefined, { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
  expect((await ask('/api/v2/sync/active', undefined, { origin: 'https://elsewhere.example' })).status).toBe(403);
  expect((await ask('/api/v1/jobs')).status).toBe(401);
  await daemon.client.call('reloadConfig');
  writeFileSync(
    join(folder, 'daemon/wherry.yaml'),
    config.replace('syncWithoutToken: true', 'syncWithoutToken: false'),
  );
  await daemon.client.call('reloadConfig');
  const { status, json } = await ask('/api/v2/sync/active');
  expect([status, Object.keys(json)]).toEqual([401, ['success', 'error']]);
  expect((await ask('/api/v2/sync/active', undefined, { authorization: `Bearer ${daemonToken}` })).status).toBe(200);
  const socket = io(`${daemon.url}/sync`, { transports: ['websocket'], forceNew: true, reconnection: false });
  sockets.push(socket);
  const [refusal] = (await once(socket as never, 'connect_error')) as [Error];
  expect(refusal.message).toMatch(/token/);
  const letIn = io(`${daemon.url}/sync`, { transports: ['websocket'], forceNew: true, auth: { token: daemonToken } });
  sockets.push(letIn);
  await once(letIn as never, 'connected');
});
