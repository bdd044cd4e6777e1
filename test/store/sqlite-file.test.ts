// The ledger's files on disk: who may open them, and what is said when they cannot be read or written.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open as openFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/model/clock.ts';
import { migrate } from '../../src/store/migrate.ts';
import { ledgerTables } from '../../src/store/migrations/0001-ledger-tables.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { statementsOf } from '../../src/store/statements.ts';
import type { Store } from '../../src/store/store.ts';
import { literalRecording } from '../support/literal-transfer.ts';
import { arrivedTransfer, insertion, makeTransfer, newId, pack } from '../support/store-values.ts';

const writer = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));
const opener = new URL('../support/sqlite-opener.ts', import.meta.url).href;

let folder: string;
const file = (): string => join(folder, 'ledger.sqlite');
const open = (where = folder): Promise<Store> => openSqliteStore({ folder: where, clock: systemClock });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-ledger-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('one process per data folder', () => {
  test('a second opening in this process is refused, and the first goes on', async () => {
    const store = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'data_in_use',
      message: `The data folder ${folder} is in use by another Wherry (process ${process.pid}).`,
    });
    await expect(open()).rejects.toMatchObject({ code: 'data_in_use' });
    expect(await store.apply([insertion(makeTransfer())])).toEqual([{ applied: true }]);
    await store.close();
    const again = await open();
    expect((await again.countTransfers()).discovered).toBe(1);
    await again.close();
  });

  test('another process is named, and a kill frees its folder at once', async () => {
    const child = spawn(process.execPath, [writer, opener, folder, 'honest'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await expect(open()).rejects.toMatchObject({
      code: 'data_in_use',
      message: expect.stringContaining(`process ${child.pid}`),
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = await open();
    expect(await store.apply([insertion(makeTransfer())])).toEqual([{ applied: true }]);
    await store.close();
  });

  test('a process that ends without closing does not hang, and loses nothing', () => {
    const script = `
      const { open } = await import(${JSON.stringify(opener)});
      const { insertion, makeTransfer } = await import(${JSON.stringify(new URL('../support/store-values.ts', import.meta.url).href)});
      const store = await open(${JSON.stringify(folder)});
      await store.apply([insertion(makeTransfer())]);
      console.log((await store.countTransfers()).discovered);`;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
  });
});

describe('what a ledger is', () => {
  test('the folder is made, only for its owner, and closing leaves one whole file', async () => {
    const deep = join(folder, 'a', 'b');
    const store = await open(deep);
    expect((await stat(deep)).mode & 0o777).toBe(0o700);
    await store.apply([insertion(makeTransfer())]);
    await store.close();
    expect((await readdir(deep)).sort()).toEqual(['ledger.sqlite', 'lock', 'lock.pid']);
  });

  test('a ledger of a newer Wherry is refused and left as it is', async () => {
    await (await open()).close();
    const database = new Database(file());
    database.prepare('INSERT INTO migration VALUES (99, ?, 0)').run('of tomorrow');
    database.close();
    await expect(open()).rejects.toMatchObject({
      code: 'ledger',
      message: expect.stringMatching(/newer Wherry \(version 99 .* knows \d+\)/),
    });
    await expect(open()).rejects.toMatchObject({ code: 'ledger' });
  });

  test('migrations run once each, in order, and not at all where one fails', () => {
    const database = new Database(file());
    const sql = statementsOf(database);
    const second = { version: 2, name: 'second', sql: 'ALTER TABLE job ADD COLUMN extra TEXT' };
    const broken = { version: 3, name: 'broken', sql: 'CREATE TABLE fine (a); CREATE TABLE job (a);' };
    migrate(sql, file(), 5, [ledgerTables]);
    migrate(sql, file(), 6, [ledgerTables, second]);
    migrate(sql, file(), 7, [ledgerTables, second]);
    expect(() => migrate(sql, file(), 8, [ledgerTables, second, broken])).toThrow();
    expect(sql.rows('SELECT version, applied_at FROM migration')).toEqual([
      [1, 5],
      [2, 6],
    ]);
    expect(sql.rows(`SELECT name FROM sqlite_master WHERE name = 'fine'`)).toEqual([]);
    database.close();
  });

  test('recordings of an older ledger are told apart by kind and time as new ones are', async () => {
    const database = new Database(file());
    const sql = statementsOf(database);
    migrate(
      sql,
      file(),
      5,
      migrations.filter(({ version }) => version < 6),
    );
    const literal = literalRecording();
    const names = ['a.MP4', 'b.x.cr3', 'c', 'd.txt', '.hidden.jpg'];
    for (const [at, name] of names.entries()) {
      const original = { ...literal.original, mtimeMs: at === 0 ? null : at + 0.5 };
      const body = JSON.stringify(literalRecording({ id: `r${at}`, name, original, createdAt: 99 }));
      sql.run('INSERT INTO recording (id, job_id, names, body) VALUES (?, ?, ?, ?)', `r${at}`, 'j', '', body);
    }
    database.close();
    const store = await open();
    const found = async (query: object) => (await store.recordings(query)).rows.map(({ name }) => name);
    expect(await found({ kind: 'image' })).toEqual(['b.x.cr3', '.hidden.jpg']);
    expect(await found({ kind: 'video' })).toEqual(['a.MP4']);
    expect(await found({ kind: 'other' })).toEqual(['c', 'd.txt']);
    expect(await found({ recordedFrom: 99 })).toEqual(['a.MP4']);
    expect(await found({ recordedFrom: 1, recordedUntil: 3 })).toEqual(['b.x.cr3', 'c']);
    await store.close();
  });

  test('another program’s database is not touched', async () => {
    const database = new Database(file());
    database.exec('CREATE TABLE theirs (a)');
    database.close();
    await expect(open()).rejects.toMatchObject({
      code: 'ledger',
      message: expect.stringContaining('not a ledger of Wherry'),
    });
  });

  test('a file that is no database, and one that is damaged, say what to do', async () => {
    await writeFile(
      file(),
      'this is no database, whatever its name says, and it is long enough to be looked at'.repeat(20),
    );
    await expect(open()).rejects.toMatchObject({ code: 'ledger', message: expect.stringContaining('damaged') });
    await rm(file());
    const store = await open();
    await store.apply([pack(Array.from({ length: 400 }, (_, index) => arrivedTransfer(`a/${index}`)))]);
    await store.transfers({});
    await store.close();
    const handle = await openFile(file(), 'r+');
    const { size } = await handle.stat();
    for (let at = 4096; at < size; at += 4096) await handle.write(Buffer.alloc(2048, 0x5a), 0, 2048, at);
    await handle.close();
    const failure = await open().then(
      async (opened) => {
        const asked = await opened.transfers({}).then(
          () => undefined,
          (fault: unknown) => fault,
        );
        await opened.close().catch(() => undefined);
        return asked;
      },
      (fault: unknown) => fault,
    );
    expect(failure).toMatchObject({ code: 'ledger', message: expect.stringMatching(/damaged.*backup/) });
    // Whatever was wrong, the folder is free again.
    await rm(file());
    await (await open()).close();
  });

  test('a folder that cannot be one is refused', async () => {
    await writeFile(join(folder, 'taken'), '');
    for (const where of [join(folder, 'taken'), join(folder, 'taken', 'below')]) {
      await expect(open(where)).rejects.toMatchObject({
        code: 'ledger',
        message: expect.stringContaining('a file stands where'),
      });
    }
  });
});

describe('a full disk', () => {
  test('refuses the call, keeps what was written, and goes on when there is room again', async () => {
    const small = join(folder, 'small');
    await mkdir(small);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small], { encoding: 'utf8' });
    expect(mounted.stderr).toBe('');
    try {
      const store = await open(join(small, 'data'));
      const jobId = newId();
      const written: string[] = [];
      let refusal: unknown;
      for (let round = 0; refusal === undefined && round < 200; round++) {
        const row = makeTransfer({ jobId, owner: 'x'.repeat(20_000) });
        await store.apply([insertion(row, [])]).then(
          () => written.push(row.id),
          (fault: unknown) => {
            refusal = fault;
          },
        );
      }
      expect(refusal).toMatchObject({ code: 'ledger', message: expect.stringContaining('disk is full') });
      expect(written.length).toBeGreaterThan(5);
      expect((await store.countTransfers(jobId)).discovered).toBe(written.length);
      spawnSync('mount', ['-o', 'remount,size=8m', small]);
      expect(await store.apply([insertion(makeTransfer({ jobId }), [])])).toEqual([{ applied: true }]);
      await store.close();
      const again = await open(join(small, 'data'));
      expect((await again.transfers({ jobId, limit: 1000 })).rows.map((row) => row.id).slice(0, -1)).toEqual(written);
      await again.close();
    } finally {
      spawnSync('umount', ['-l', small]);
    }
    expect(existsSync(join(small, 'data'))).toBe(false);
  });
});
