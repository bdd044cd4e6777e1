// Pictures that come home over SSH go into PostgreSQL with what is known of them; sinks of plugins, a new configuration, and what refuses one.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daemon, daemonToken, startDaemon } from '../support/daemon.ts';
import { makePng, tEXt } from '../support/png.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

let folder: string;
let server: Postgres;
let sshd: Sshd;
let daemon: Daemon;
let base: string;
const at = (...parts: string[]) => join(folder, ...parts);
const patient = { timeout: 60_000, interval: 50 };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wh-ingest-'));
  [server, sshd] = await Promise.all([startPostgres(), startSshd()]);
  const { user, identityFile, knownHosts } = sshd;
  const preset = { user, identityFile, knownHosts, agent: false, root: sshd.files, folders: ['txt2img-images'] };
  // A plugin as somebody would write it: one file.
  writeFileSync(
    at('catalogue.mjs'),
    `import { appendFileSync } from 'node:fs';
     const line = (file, value) => { appendFileSync(file, JSON.stringify(value) + '\\n'); return true; };
     export const wherrySinks = () => [{ kind: 'catalogue', open({ file }) {
       if (typeof file !== 'string') throw new Error('it needs a file');
       return {
         onFileSynced: async (event) => line(file, event),
         onBatchSynced: async (events) => events.map((event) => line(file, event)).length,
         onSyncComplete: async (syncId, summary) => line(file, { syncId, summary }),
       };
     } }];`,
  );
  base = `roots: [.]\nlogs: {level: warn}\nplugins: [../catalogue.mjs]\nsync: ${JSON.stringify({ presets: { forge: preset } })}\n`;
  daemon = await startDaemon(at('daemon'), { config: `${base}${withSinks([database])}` });
}, 60_000);
afterAll(async () => {
  await daemon.kill();
  await Promise.all([server.close(), sshd.close()]);
  rmSync(folder, { recursive: true, force: true });
});

const database = { name: 'db', kind: 'postgres', url: '', schema: 'pictures' };
const withSinks = (sinks: readonly { readonly url?: string }[]) =>
  `sinks: ${JSON.stringify(sinks.map((sink) => (sink.url === '' ? { ...sink, url: server.url } : sink)))}\n`;
const configure = (sinks: readonly object[]) => {
  writeFileSync(at('daemon/wherry.yaml'), `${base}${withSinks(sinks)}`);
  return daemon.client.call('reloadConfig');
};

function picture(path: string, prompt: string, hours: number): void {
  const whole = join(sshd.files, 'txt2img-images', path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, makePng([tEXt('parameters', `${prompt}\nSteps: 3, Sampler: Euler, Seed: 7`)]));
  const time = new Date(Date.now() - hours * 3_600_000);
  utimesSync(whole, time, time);
}
const start = async (more: object = {}) => {
  const body = { source_type: 'forge', source_host: '127.0.0.1', source_port: sshd.port, dest_path: at('daemon/home') };
  const answer = await fetch(`${daemon.url}/api/v2/sync/start`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${daemonToken}` },
    body: JSON.stringify({ ...body, ...more }),
  });
  return (await answer.json()) as { job_id: string; sync_id: string };
};
const endOf = (syncId: string) =>
  expect
    .poll(() => server.query('SELECT 1 FROM pictures.sync_run WHERE sync_id = $1', [syncId]).catch(() => []), patient)
    .toHaveLength(1);

test('a run over SSH, started by an older client: files, prompts, sidecars, cleanup and its end are in the tables', async () => {
  picture('2026-01-01/old castle.png', 'an old castle', 40);
  picture('new.png', "it's a new one", 1);
  const { sync_id } = await start({ calculate_hashes: true });
  await endOf(sync_id);
  const home = at('daemon/home/txt2img-images');
  const files = await server.query<{ path: string; prompt: string; xmp_path: string; hash: string; sync_id: string }>(
    `SELECT path, f.metadata->'generation'->>'prompt' AS prompt, f.xmp_path, e.file_hash AS hash, f.sync_id
     FROM pictures.file f JOIN pictures.event e ON e.file_path = f.path AND e.event_type = 'file_processed'
     WHERE deleted_at IS NULL AND processed_at IS NOT NULL ORDER BY path`,
  );
  expect(files).toEqual([
    {
      ...{ path: join(home, '2026-01-01/old castle.png'), prompt: 'an old castle', sync_id },
      ...{
        xmp_path: join(home, '2026-01-01/old castle.png.xmp'),
        hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      },
    },
    {
      ...{ path: join(home, 'new.png'), prompt: "it's a new one", sync_id },
      ...{ xmp_path: join(home, 'new.png.xmp'), hash: expect.stringMatching(/^sha256:/) },
    },
  ]);
  for (const { xmp_path } of files) expect(existsSync(xmp_path)).toBe(true);
  // Cleaned away at the source, and still at home.
  const deleted = await server.query<{ file_path: string; at: string }>(
    `SELECT file_path, metadata->>'at' AS at FROM pictures.event WHERE event_type = 'file_deleted'`,
  );
  expect(deleted).toEqual([{ file_path: expect.stringMatching(/^ssh:.*old%20castle\.png$/), at: 'source' }]);
  const [run] = await server.query('SELECT * FROM pictures.sync_run WHERE sync_id = $1', [sync_id]);
  expect(run).toMatchObject({ success: true, files_transferred: '2', errors: [], cleanup: { filesDeleted: 1 } });
  const { rows } = await daemon.client.call('listSinks');
  expect(rows).toMatchObject([
    { name: 'db', kind: 'postgres', lastError: null, attempts: 0, target: expect.any(String) },
  ]);
  expect(rows[0]?.delivered).toBe(5);
}, 120_000);

test('a new configuration: one more sink begins now, one that changed goes on where it was, a mistake changes nothing', async () => {
  const plugin = { name: 'ours', kind: 'plugin', sink: 'catalogue', options: { file: at('catalogue.jsonl') } };
  await configure([database, plugin]);
  const before = (await daemon.client.call('listSinks')).rows.find(({ name }) => name === 'db');
  picture('later.png', 'later', 1);
  const { sync_id } = await start({ generate_xmp: false, extract_metadata: false });
  await endOf(sync_id);
  await expect
    .poll(() => existsSync(at('catalogue.jsonl')) && readFileSync(at('catalogue.jsonl'), 'utf8'), patient)
    .toContain('"summary"');
  const told = readFileSync(at('catalogue.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { eventType?: string; filePath?: string; syncId: string });
  expect(told).toMatchObject([
    { eventType: 'file_synced', filePath: at('daemon/home/txt2img-images/later.png'), syncId: sync_id },
    { syncId: sync_id },
  ]);

  const mistakes: readonly (readonly [object, RegExp])[] = [
    [{ ...plugin, sink: 'nothing' }, /sink ours: no plugin brings a sink named nothing/],
    [{ ...plugin, options: {} }, /sink ours: it needs a file/],
    [{ ...database, url: 'postgres://a:secret@b/c' }, /sink db: .*no password/],
    [{ ...database, passwordEnv: 'NO_SUCH_VARIABLE' }, /NO_SUCH_VARIABLE is not set/],
    [{ name: 'x', kind: 'json-lines' }, /file/],
    [{ name: 'x', kind: 'jsonl', file: '/x' }, /kind/],
  ];
  for (const [sink, why] of mistakes) {
    await expect(configure([sink])).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(why),
    });
    expect((await daemon.client.call('listSinks')).rows.map(({ name }) => name)).toEqual(['db', 'ours']);
  }

  // Told of other things from now on, and of nothing twice.
  await configure([{ ...database, events: ['sync_complete'] }]);
  const { rows } = await daemon.client.call('listSinks');
  expect(rows).toMatchObject([{ name: 'db', events: ['sync_complete'] }]);
  expect(rows[0]?.delivered).toBe((before?.delivered ?? 0) + 1);
}, 120_000);
