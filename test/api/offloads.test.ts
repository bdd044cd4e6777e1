// Batches and recordings by the API: commands by their events, content with ranges and types, custody, and nothing outside the roots.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rangeOf } from '../../src/api/send-file.ts';
import type { RecordingView } from '../../src/model/recording-views.ts';
import type { JobView } from '../../src/model/views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';
import { createMemoryAdapter } from '../support/memory-adapter.ts';

const scratch = mkdtempSync(join(tmpdir(), 'wherry-offloads-'));
const adapter = createMemoryAdapter();
let rig: ApiRig;

beforeAll(async () => {
  const film = join(scratch, 'film.mp4');
  const lavfi = ['-f', 'lavfi', '-i', 'testsrc2=duration=2:size=320x240:rate=10'];
  execFileSync('ffmpeg', ['-loglevel', 'error', ...lavfi, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', film]);
  const content = readFileSync(film);
  adapter.present.set('cam', [
    { path: 'DCIM/film.mp4', size: content.length, mtime: 1_700_000_000_000, content },
    { path: 'DCIM/page.html', size: 2000, mtime: 1_700_000_000_000 },
  ]);
  const steps = [
    { step: 'thumbnail', timeoutMinutes: 1, optional: false },
    { step: 'transcode', preset: 'hls', timeoutMinutes: 2, optional: false },
  ];
  const pipelines = [{ name: 'films', files: ['*.mp4'], steps }];
  rig = await openApiRig({}, null, {}, { adapters: async () => [adapter], pollSeconds: 0.2 }, pipelines);
});
afterAll(async () => {
  await rig.close();
  rmSync(scratch, { recursive: true, force: true });
});

const post = (path: string, body: unknown) =>
  rig.ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
const recordings = async (query = '') =>
  ((await (await rig.ask(`/api/v1/recordings${query}`)).json()) as { rows: RecordingView[] }).rows;
/** A device that has just been plugged in is known with the next look. */
const batch = async (body: object): Promise<JobView> => {
  const answer = await post('/api/v1/offloads', body);
  expect(answer.status).toBe(201);
  const job = (await answer.json()) as JobView;
  await rig.engine.settled(job.id);
  return job;
};

describe('a batch by the API', () => {
  it('becomes recordings that are found by their key, name and device', async () => {
    const job = await batch({ device: 'cam', associateWith: 'flight 7' });
    expect(job).toMatchObject({
      kind: 'offload',
      sources: ['device://cam/'],
      destinations: [join(rig.root, 'media/transfers/downloads')],
    });
    const all = await recordings('?associateWith=flight%207');
    expect(all.map(({ name }) => name).sort()).toEqual(['film.mp4', 'page.html']);
    expect(await recordings('?search=FILM')).toHaveLength(1);
    expect(await recordings('?device=cam&limit=1')).toHaveLength(1);
    expect(await recordings('?associateWith=other')).toEqual([]);
    expect((await recordings('?kind=video')).map(({ name, kind }) => [name, kind])).toEqual([['film.mp4', 'video']]);
    const at = new Date(1_700_000_000_000).toISOString();
    const after = new Date(1_700_000_000_001).toISOString();
    expect(await recordings(`?from=${at}&until=${after}`)).toHaveLength(2);
    expect(await recordings(`?from=${after}`)).toEqual([]);
    const transfers = (await (await rig.ask('/api/v1/transfers?associateWith=flight%207')).json()) as {
      rows: unknown[];
    };
    expect(transfers.rows).toHaveLength(2);
  });

  it('is told of in the list of the device’s files: which were taken, and by what', async () => {
    const before = adapter.present.get('cam') ?? [];
    adapter.present.set('cam', [...before, { path: 'DCIM/new.mp4', size: 10, mtime: 1_700_000_000_000 }]);
    const answer = await rig.ask('/api/v1/devices/cam/files');
    const { rows, total, taken } = (await answer.json()) as {
      rows: { path: string; transferId: string | null }[];
      total: number;
      taken: number;
    };
    const [film] = await recordings('?search=film');
    expect([total, taken]).toEqual([3, 2]);
    expect(rows.map(({ path, transferId }) => [path, transferId === null])).toEqual([
      ['DCIM/film.mp4', false],
      ['DCIM/new.mp4', true],
      ['DCIM/page.html', false],
    ]);
    expect(rows[0]?.transferId).toBe(film?.id);
    adapter.present.set('cam', before);
  });

  it('goes by settings that anybody who may look can read', async () => {
    const settings = await (await rig.ask('/api/v1/offloads/settings')).json();
    expect(settings).toEqual({
      rules: [],
      triggers: ['observation.flight.end'],
      pipelines: [{ name: 'films', deviceKinds: null, files: ['*.mp4'], steps: ['thumbnail', 'transcode hls'] }],
      downloadDir: join(rig.root, 'media/transfers/downloads'),
      processedDir: join(rig.root, 'media/transfers/processed'),
    });
  });

  it('gives a thumbnail, a stream with its segments, and the original in ranges', async () => {
    const [film] = await recordings('?search=film');
    expect(film?.files.map(({ role }) => role)).toEqual(['thumbnail', 'hls']);
    const thumbnail = await rig.ask(film?.files[0]?.url ?? '');
    expect(thumbnail.headers.get('content-type')).toMatch(/^image\//);
    expect((await thumbnail.arrayBuffer()).byteLength).toBe(film?.files[0]?.sizeBytes);
    const master = film?.files[1]?.url ?? '';
    const playlist = await rig.ask(master);
    expect(playlist.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    const variant = (await playlist.text()).split('\n').find((line) => line.endsWith('.m3u8')) ?? '';
    const below = new URL(variant, `${rig.url}${master}`).pathname;
    const inner = await rig.ask(below);
    expect(inner.status).toBe(200);
    const said = await inner.text();
    const segment = said.split('\n').find((line) => line.endsWith('.ts')) ?? '';
    const bytes = await rig.ask(new URL(segment, `${rig.url}${below}`).pathname);
    expect(bytes.headers.get('content-type')).toBe('video/mp2t');
    expect(new Uint8Array(await bytes.arrayBuffer())[0]).toBe(0x47);

    const original = film?.original.url ?? '';
    const whole = Buffer.from(await (await rig.ask(original)).arrayBuffer());
    const part = await rig.ask(original, { headers: { range: 'bytes=100-299' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-299/${whole.length}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 300))).toBe(true);
    expect((await rig.ask(original, { headers: { range: 'bytes=999999999-' } })).status).toBe(416);
    const etag = part.headers.get('etag') ?? '';
    expect((await rig.ask(original, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('shows custody: each file, what it was made from, by whom', async () => {
    const [film] = await recordings('?search=film');
    const one = (await (await rig.ask(`/api/v1/recordings/${film?.id}`)).json()) as {
      custody: { role: string; parent: string | null; by: string }[];
    };
    expect(one.custody.map(({ role, parent }) => [role, parent])).toEqual([
      ['original', null],
      ['thumbnail', 'original'],
      ['hls', 'original'],
    ]);
    expect(one.custody[1]?.by).toMatch(/^ffmpeg /);
  });

  it('never sends what a browser would run, nor what is not the recording’s', async () => {
    const [page] = await recordings('?search=page');
    const answer = await rig.ask(page?.original.url ?? '');
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe('attachment');
    const [film] = await recordings('?search=film');
    const base = `/api/v1/recordings/${film?.id}/content`;
    for (const path of [`${base}/none`, `${base}/hls`, `${base}/hls/none.ts`, '/api/v1/recordings/none/content/hls']) {
      expect((await rig.ask(path)).status).toBe(404);
    }
    for (const path of [
      `${base}/hls/..%2Fthumbnail.jpg`,
      `${base}/hls/%2e%2e/film.mp4`,
      `${base}/original/%2fetc%2fpasswd`,
    ]) {
      expect([400, 404]).toContain((await rig.ask(path)).status);
    }
    const path = film?.original.path ?? '';
    unlinkSync(path);
    symlinkSync('/etc/passwd', path);
    expect([400, 404]).toContain((await rig.ask(film?.original.url ?? '')).status);
  });

  it('is refused outside the roots, for devices and pipelines that are not there, and without the scope', async () => {
    const refused = async (body: object) => (await post('/api/v1/offloads', body)).status;
    expect(await refused({ device: 'cam', downloadDir: '/etc/x' })).toBe(400);
    expect(await refused({ device: 'nobody' })).toBe(404);
    expect(await refused({ device: 'cam', pipeline: 'none such' })).toBe(400);
    expect(await refused({ device: '../x' })).toBe(400);
    expect((await rig.ask('/api/v1/recordings', { headers: { authorization: 'Bearer no' } })).status).toBe(401);
  });
});

describe('events from outside', () => {
  it('queue batches, by POST and by Socket.IO', async () => {
    const answer = await post('/api/v1/events', { name: 'command.transfer.queue_batch', data: { device: 'cam' } });
    expect(await answer.json()).toMatchObject({ ok: true, job: { kind: 'offload' } });
    const socket = io(`${rig.url}/events`, { auth: { token: adminToken }, transports: ['websocket'] });
    try {
      const said = await socket
        .timeout(5_000)
        .emitWithAck('command.transfer.queue_batch', { device: 'cam', files: ['none'] });
      expect(said).toMatchObject({ ok: true, job: { kind: 'offload' } });
      const wrong = await socket.timeout(5_000).emitWithAck('command.transfer.queue_batch', { files: 'all' });
      expect(wrong).toMatchObject({ ok: false, problem: { code: 'invalid' } });
      expect(await socket.timeout(5_000).emitWithAck('observation.flight.end', { key: 'x' })).toEqual({ ok: true });
      expect(await socket.timeout(5_000).emitWithAck('observation.moon.full')).toMatchObject({
        ok: false,
        problem: { code: 'unsupported' },
      });
    } finally {
      socket.disconnect();
    }
  });

  it('tell of devices and of triggers', async () => {
    const status = 'observation.device.connection_status.update';
    const say = async (name: string, data: object) => (await post('/api/v1/events', { name, data })).status;
    expect(await say(status, { device: 'cam', connected: true })).toBe(200);
    expect(await say(status, { device: 'cam' })).toBe(400);
    expect(await say('observation.flight.end', { key: 'flight 7' })).toBe(200);
    expect(await say('observation.flight.begin', {})).toBe(422);
  });
});

describe('ranges', () => {
  it('are those of RFC 9110', () => {
    expect(rangeOf(undefined, 10)).toBeUndefined();
    expect(rangeOf('bytes=0-', 10)).toEqual({ from: 0, to: 10 });
    expect(rangeOf('bytes=2-3', 10)).toEqual({ from: 2, to: 4 });
    expect(rangeOf('bytes=2-99', 10)).toEqual({ from: 2, to: 10 });
    expect(rangeOf('bytes=-3', 10)).toEqual({ from: 7, to: 10 });
    expect(rangeOf('bytes=-0', 10)).toBe('none');
    expect(rangeOf('bytes=10-', 10)).toBe('none');
    expect(rangeOf('bytes=3-2', 10)).toBeUndefined();
    expect(rangeOf('lines=1-2', 10)).toBeUndefined();
  });
});
