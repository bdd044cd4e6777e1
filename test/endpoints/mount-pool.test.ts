// The mount pools: who runs where, how calls are stopped, and that a hung mount stops nobody else.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newBandwidth, setBandwidth } from '../../src/endpoints/bandwidth.ts';
import { newControl, openControl } from '../../src/endpoints/control.ts';
import { startFileThread } from '../../src/endpoints/file-thread.ts';
import { type MountsOptions, openMounts } from '../../src/endpoints/mount-pool.ts';
import { type MountHealth, type Mounts, stopReasons } from '../../src/endpoints/mounts.ts';
import { Fault } from '../../src/model/fault.ts';
import { type FaultFs, mountFaultFs } from '../support/fault-fs.ts';

const testOperations = new URL('../support/mount-operations.ts', import.meta.url);
/** Other tests may keep this machine busy. */
const patiently = { timeout: 15_000 };
let folder: string;
let mounts: Mounts;

function open(options: Partial<MountsOptions> = {}): Mounts {
  mounts = openMounts({ modules: [testOperations], ...options });
  return mounts;
}

let threadsBefore = 0;
const allThreads = (): number => readdirSync('/proc/self/task').length;
/** Those that the pools of this test have started. */
const mountThreads = (): number => allThreads() - threadsBefore;

beforeEach(() => {
  threadsBefore = allThreads();
  folder = mkdtempSync(join(tmpdir(), 'wherry-mounts-'));
});
afterEach(async () => {
  await mounts.close();
  rmSync(folder, { recursive: true });
});

describe('calls', () => {
  test('give output, messages and faults', async () => {
    const pool = open().pool(folder);
    const messages: unknown[] = [];
    const input = { messages: 3, bytes: new Uint8Array([1, 2]) };
    expect(await pool.run('test.echo', input, { onMessage: (message) => messages.push(message) })).toEqual(input);
    expect(messages).toEqual([0, 1, 2]);
    const fault = await pool.run('test.fault', 'a/b').catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ code: 'space', message: 'no room for a/b', place: { path: 'a/b' } });
    await expect(pool.run('test.mistake', 0)).rejects.toMatchObject({ code: 'internal', message: 'a mistake' });
    await expect(pool.run('test.unknown', 0)).rejects.toMatchObject({ code: 'internal' });
    await expect(pool.run('test.echo', { messages: () => 0 })).rejects.toMatchObject({ code: 'internal' });
    expect(await pool.run('test.thread', 0)).toBeGreaterThan(0);
  });

  test('a worker that dies fails its call, and the next call gets another', async () => {
    const pool = open().pool(folder);
    await expect(pool.run('test.die', 0)).rejects.toMatchObject({ code: 'internal' });
    expect(await pool.run('test.thread', 0)).toBeGreaterThan(0);
  });

  test('the first one goes to a thread that was started before, unless that has died', async () => {
    const early = startFileThread([testOperations.href], false);
    const { threadId } = early;
    const pool = open({ earlyThread: early }).pool(folder);
    expect(await pool.run('test.thread', 0)).toBe(threadId);
    await mounts.close();
    const dead = startFileThread(['file:///no/such/module.ts'], false);
    await new Promise((resolve) => dead.once('error', resolve));
    await once(dead, 'exit').catch(() => undefined);
    expect(await open({ earlyThread: dead }).pool(folder).run('test.thread', 0)).toBeGreaterThan(0);
  });

  test('a module that cannot be loaded fails the call and says which', async () => {
    open({ modules: [new URL('file:///no/such/module.ts')] });
    await expect(mounts.pool(folder).run('test.thread', 0)).rejects.toThrow(/no\/such\/module/);
  });

  test('no more than two long ones run at once; quick ones and unqueued ones do not wait for them', async () => {
    const pool = open().pool(folder);
    const gate = join(folder, 'gate');
    const long = [1, 2, 3].map(() => pool.run<number>('test.wait', gate));
    const quick = await pool.run<number>('test.thread', 0, { quick: true });
    const unqueued = await pool.run<number>('test.thread', 0, { unqueued: true });
    writeFileSync(gate, '');
    const threads = new Set(await Promise.all(long));
    expect(threads.size).toBe(2);
    expect(threads.has(quick)).toBe(false);
    expect(threads.has(unqueued)).toBe(false);
  });

  test('pairs of mounts never wait for one another, but take over a worker that has nothing to do', async () => {
    const pool = open({ longWorkers: 1 }).pool(folder);
    const pair = mounts.pool(folder, '/dev/shm');
    const idle = await pool.run<number>('test.thread', 0);
    expect(await mounts.pool(tmpdir()).run('test.thread', 0)).toBe(idle);
    expect(await pair.run('test.thread', 0)).toBe(idle);
    const gate = join(folder, 'gate');
    const busy = pool.run<number>('test.wait', gate);
    const beside = await pair.run<number>('test.thread', 0);
    writeFileSync(gate, '');
    expect(await busy).not.toBe(beside);
    expect(mounts.mountOf('/dev/shm/x').mountPoint).toBe('/dev/shm');
  });

  test('are stopped by their signal, running or waiting', async () => {
    const pool = open({ longWorkers: 1 }).pool(folder);
    const reason = new Error('enough');
    const stop = new AbortController();
    const running = pool.run('test.wait', join(folder, 'never'), { signal: stop.signal });
    const waiting = pool.run('test.wait', join(folder, 'never'), { signal: stop.signal });
    const other = pool.run<number>('test.thread', 0);
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(running).rejects.toBe(reason);
    expect(await other).toBeGreaterThan(0);
    await expect(pool.run('test.thread', 0, { signal: stop.signal })).rejects.toBe(reason);
  });

  test('are stopped by their control, with the reason left in it', async () => {
    const pool = open().pool(folder);
    const control = openControl(newControl());
    const running = pool.run('test.wait', join(folder, 'never'), { control: control.memory });
    control.stop = stopReasons.pause;
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(control.stop).toBe(stopReasons.pause);
    expect(control.beats).toBeGreaterThan(0);
  });

  test('lanes share a counter: each number is taken once', async () => {
    const pool = open().pool(folder);
    const control = openControl(newControl());
    control.skipTo(100);
    const lanes = [1, 2].map(() => pool.run<number[]>('test.takeNumbers', 20_000, { control: control.memory }));
    const taken = (await Promise.all(lanes)).flat().sort((a, b) => a - b);
    expect(taken.length).toBe(19_900);
    expect(taken.every((number, at) => number === at + 100)).toBe(true);
  });

  test('a process ends by itself while workers are idle', () => {
    const script = `
      import { openMounts } from ${JSON.stringify(new URL('../../src/endpoints/mount-pool.ts', import.meta.url).href)};
      const mounts = openMounts({ modules: [new URL(${JSON.stringify(testOperations.href)})], idleMs: 60_000 });
      console.log(await mounts.pool('/').run('test.echo', { messages: 0 }));
    `;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 10_000,
    });
    expect([status, String(stdout).trim(), String(stderr)]).toEqual([0, '{ messages: 0 }', '']);
    open();
  });

  test('idle workers end', async () => {
    const pool = open({ idleMs: 20 }).pool(folder);
    const first = await pool.run<number>('test.thread', 0);
    await expect.poll(() => pool.run<number>('test.thread', 0), { interval: 200, timeout: 15_000 }).not.toBe(first);
  });

  test('as many of them as are to be kept stay', async () => {
    const pool = open({ idleMs: 20, keptWorkers: 1 }).pool(folder);
    const go = join(folder, 'go');
    const running = [1, 2].map(() => pool.run<number>('test.wait', go));
    await expect.poll(() => mountThreads()).toBe(2);
    writeFileSync(go, '');
    const [one, other] = await Promise.all(running);
    await expect.poll(() => mountThreads(), patiently).toBe(1);
    expect([one, other]).toContain(await pool.run<number>('test.thread', 0));
  });

  test('closing stops what runs, refuses what comes, and says that all threads are gone', async () => {
    const pool = open().pool(folder);
    const running = [1, 2, 3].map(() => pool.run('test.wait', join(folder, 'never')));
    const ended = Promise.allSettled(running);
    expect(await mounts.close()).toBe(true);
    for (const result of await ended) expect(result).toMatchObject({ reason: { code: 'interrupted' } });
    await expect(pool.run('test.thread', 0)).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('bandwidth', () => {
  test('two workers share one limit; lifting it is felt at once', async () => {
    const pool = open().pool(folder);
    await Promise.all([1, 2].map(() => pool.run('test.thread', 0)));
    mounts.limitBandwidth(10e6);
    const input = { count: 25, pieceBytes: 100_000 };
    const start = performance.now();
    await Promise.all([1, 2].map(() => pool.run('test.throttle', input)));
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThan(350);
    expect(tookMs).toBeLessThan(5_000);

    mounts.limitBandwidth(1_000);
    const slow = pool.run<number>('test.throttle', { count: 3, pieceBytes: 1_000_000 });
    await pool.run('test.thread', 0);
    const lifted = performance.now();
    mounts.limitBandwidth(null);
    await slow;
    expect(performance.now() - lifted).toBeLessThan(5_000);
  });

  test('a job can have a limit of its own', async () => {
    const limit = newBandwidth();
    setBandwidth(limit, 10e6);
    const pool = open().pool(folder);
    const input = { count: 30, pieceBytes: 100_000 };
    const [limited = 0, free] = await Promise.all([
      pool.run<number>('test.throttle', input, { control: newControl({ limit }) }),
      pool.run<number>('test.throttle', input, { control: newControl() }),
    ]);
    expect(limited).toBeGreaterThan(150);
    expect(free).toBeLessThan(limited);
  });

  test('who waits for it can be stopped', async () => {
    const pool = open().pool(folder);
    mounts.limitBandwidth(1);
    const control = openControl(newControl());
    const waiting = pool.run('test.throttle', { count: 9, pieceBytes: 1_000_000 }, { control: control.memory });
    await expect.poll(() => control.bytesDone, patiently).toBeGreaterThan(0);
    control.stop = stopReasons.cancel;
    await waiting;
    expect(control.bytesDone).toBeLessThan(9_000_000);
  });
});

describe('a mount that hangs', () => {
  let share: FaultFs;
  let changes: MountHealth[];
  const hangMs = 1_500;

  beforeEach(async () => {
    share = await mountFaultFs(folder);
    open({ hangMs });
    changes = [];
    mounts.onHealth((health) => changes.push(health));
    // So that the worker is up, and the fault strikes the file call itself.
    await mounts.pool(share.mount).run('test.list', share.mount);
  });
  afterEach(() => share.close());

  const health = () => mounts.health().find((each) => each.mountPoint === share.mount);
  const states = () => changes.map((each) => each.state);

  test('fails its calls with the path, is unreachable after two, and is well again when a probe answers', async () => {
    share.faults('stall');
    const pool = mounts.pool(share.mount);
    const calls = [1, 2, 3, 4].map(() => pool.run('test.list', share.mount).catch((error: unknown) => error));
    const others = setInterval(() => void mounts.pool('/').run('test.list', '/'), 20);
    const faults = await Promise.all(calls);
    clearInterval(others);
    for (const fault of faults) {
      expect(fault).toMatchObject({ code: 'unreachable' });
      expect((fault as Fault).message).toContain(share.mount);
    }
    expect(states().at(-1)).toBe('unreachable');
    expect(health()).toMatchObject({ state: 'unreachable', abandonedWorkers: 2 });
    expect(health()?.hungForMs).toBeGreaterThanOrEqual(hangMs);
    const asked = performance.now();
    await expect(pool.run('test.list', share.mount, { quick: true })).rejects.toMatchObject({ code: 'unreachable' });
    expect(performance.now() - asked).toBeLessThan(hangMs);
    // Two workers and one probe: nothing more is tied up, however often somebody asks.
    expect(threadsOfThisProcess()).toBeLessThan(40);
    expect(await mounts.pool('/').run('test.list', '/')).toContain('tmp');

    share.faults();
    await expect.poll(() => health()?.state, patiently).toBe('well');
    expect(await pool.run('test.list', share.mount)).toEqual([]);
    expect(health()).toMatchObject({ state: 'well', abandonedWorkers: 0, hungForMs: 0 });
  });

  test('a call that was given up touches nothing more when it comes back', async () => {
    share.faults('stall');
    const control = openControl(newControl());
    const input = { first: join(share.mount, 'first'), second: join(folder, 'second') };
    const call = mounts.pool(folder, share.mount).run('test.writeTwo', input, { control: control.memory });
    await expect(call).rejects.toMatchObject({ code: 'unreachable' });
    expect(control.stop).toBe(stopReasons.stall);
    expect(health()?.state).toBe('slow');
    share.faults();
    await expect.poll(() => health()?.abandonedWorkers, patiently).toBe(0);
    expect(existsSync(input.second)).toBe(false);
    await mounts.pool(folder, share.mount).run('test.writeTwo', input);
    expect(readFileSync(input.second, 'utf8')).toBe('second');
  });

  test('a short pause is waited for', async () => {
    share.faults('stall');
    const call = mounts.pool(share.mount).run('test.list', share.mount);
    const healed = setTimeout(() => share.faults(), 50);
    expect(await call).toEqual([]);
    clearTimeout(healed);
    expect(health()).toMatchObject({ state: 'well', abandonedWorkers: 0 });
  });

  test('a call that may take long is shown, but not given up', async () => {
    share.faults('stall');
    const input = { folder: share.mount, patienceMs: 60_000 };
    const call = mounts.pool(share.mount).run('test.listPatiently', input);
    await expect.poll(() => health()?.state, patiently).toBe('slow');
    expect(health()?.abandonedWorkers).toBe(0);
    share.faults();
    expect(await call).toEqual([]);
    await expect.poll(() => health()?.state, patiently).toBe('well');
  });

  test('closing says that a thread cannot be ended', async () => {
    share.faults('stall');
    await expect(mounts.pool(share.mount).run('test.list', share.mount)).rejects.toMatchObject({ code: 'unreachable' });
    expect(await mounts.close()).toBe(false);
    share.faults();
  });
});

function threadsOfThisProcess(): number {
  return readdirSync('/proc/self/task').length;
}
