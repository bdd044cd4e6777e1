// `wherry room` as real processes: a daemon that has the room, a member that takes files, members that send.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, contents, objects, openBench, type Started } from './command.ts';

const patienceMs = 60_000;

let bench: Bench;
let daemon: Started;
let link: string;
beforeEach(async () => {
  bench = openBench();
  daemon = bench.start(['serve', '--data', 'data', '--listen', '127.0.0.1:0', '--no-demo']);
  await daemon.said(/Ctrl-C\.\n/);
  link = (await bench.run('room', 'create', '--data', 'data', '--name', 'Dailies')).out.trim();
});
afterEach(() => bench.close());

/** What stands of files that are not whole yet. */
function partialBytes(): number {
  const folder = bench.path('in');
  const partials = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.partial')) : [];
  return partials.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

async function take(folder: string, ...words: string[]): Promise<Started> {
  const member = bench.start(['room', 'join', link, '--to', folder, '--name', 'Archive', ...words]);
  await member.said(/Ctrl-C leaves the room/);
  return member;
}

describe('a room', () => {
  test('is made, listed and closed; its secret is in the link alone', async () => {
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/rooms\/room-[0-9a-f]{8}#[\w-]{43}$/);
    const id = /rooms\/([^#]+)#/.exec(link)?.[1] ?? '';
    const secret = link.split('#')[1] ?? '';
    const [row] = objects(await bench.run('room', 'ls', '--json', '--data', 'data'));
    expect(row).toMatchObject({ type: 'room', id, name: 'Dailies', inspection: 'none' });
    expect(readFileSync(bench.path('data/logs/wherry.log'), 'utf8')).not.toContain(secret);
    expect((await bench.run('room', 'close', '--data', 'data', id)).code).toBe(0);
    const late = await bench.run('room', 'send', link, bench.path('nothing'));
    expect(late.code).not.toBe(0);
    expect(late.err).not.toMatch(/at .*\.[jt]s:\d+/);
  });

  test('carries files and folders from one member to another, each proven by both sides', async () => {
    mkdirSync(bench.path('out/day 1/b roll'), { recursive: true });
    const film = randomBytes(3_000_001);
    writeFileSync(bench.path('out/day 1/film.mov'), film);
    writeFileSync(bench.path('out/day 1/b roll/ünïcode.txt'), 'hello');
    writeFileSync(bench.path('out/day 1/b roll/nothing.txt'), '');
    const member = await take(bench.path('in'));
    const sent = await bench.run('room', 'send', link, bench.path('out/day 1'), '--json');
    expect(sent.err).not.toContain('failed');
    expect(sent.code).toBe(0);
    const told = objects(sent);
    expect(told.at(-1)).toMatchObject({ type: 'summary', state: 'completed', files: 3, failed: 0, verify: 'far-hash' });
    await member.said(/arrived[\s\S]*arrived[\s\S]*arrived/);
    expect(readFileSync(bench.path('in/day 1/film.mov')).equals(film)).toBe(true);
    expect(contents(bench.path('in/day 1/b roll'))).toEqual({ 'ünïcode.txt': 'hello', 'nothing.txt': '' });
  });

  test('takes what the rules allow, and says to the sender why not', async () => {
    writeFileSync(bench.path('large.mov'), Buffer.alloc(2_000_000));
    writeFileSync(bench.path('small.mov'), 'small');
    writeFileSync(bench.path('small.txt'), 'text');
    await take(bench.path('in'), '--match', '*.mov', '--max-size', '1MB');
    const sent = await bench.run(
      'room',
      'send',
      link,
      ...['large.mov', 'small.mov', 'small.txt'].map((name) => bench.path(name)),
    );
    expect(sent.code).toBe(12);
    expect(sent.err).toContain('large.mov');
    expect(sent.err).toContain('is not what this member takes');
    expect(contents(bench.path('in'))).toEqual({ 'small.mov': 'small' });
  });

  test('goes on where it was when the receiver, then the sender is killed', async () => {
    const bytes = 100_000_000;
    writeFileSync(bench.path('film.mov'), '');
    truncateSync(bench.path('film.mov'), bytes);
    let member = await take(bench.path('in'), '--bwlimit', '40M');
    let sender = bench.start(['room', 'send', link, bench.path('film.mov')]);
    await expect.poll(() => partialBytes(), { timeout: patienceMs }).toBeGreaterThan(10_000_000);
    member.child.kill('SIGKILL');
    await member.ended;
    expect(existsSync(bench.path('in/film.mov'))).toBe(false);
    const before = partialBytes();
    member = await take(bench.path('in'), '--bwlimit', '40M');
    await expect.poll(() => partialBytes(), { timeout: patienceMs }).toBeGreaterThan(before);
    sender.child.kill('SIGKILL');
    await sender.ended;
    sender = bench.start(['room', 'send', link, bench.path('film.mov')]);
    expect((await sender.ended).code).toBe(0);
    expect(statSync(bench.path('in/film.mov')).size).toBe(bytes);
  }, 120_000);
});

describe('bad input', () => {
  test.each([
    [['room', 'joyn'], 2, 'Did you mean "join"?'],
    [
      ['room', 'join', 'https://studio.example/rooms/a', '--to', 'in'],
      2,
      'its secret, which follows the #, is missing',
    ],
    [['room', 'send', `https://studio.example/rooms/a#${'A'.repeat(43)}`], 2, 'needs files'],
    [['room', 'join', `https://studio.example/rooms/a#${'A'.repeat(43)}`], 2, '--to DIR'],
  ])('%j', async (words, code, said) => {
    const ended = await bench.run(...words);
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(said);
  });

  test('a secret that is another opens nothing', async () => {
    const wrong = link.replace(/#.*/, `#${'B'.repeat(43)}`);
    writeFileSync(bench.path('a.txt'), 'a');
    const ended = await bench.run('room', 'send', wrong, bench.path('a.txt'));
    expect(ended.code).not.toBe(0);
    expect(ended.err).toContain('There is no such room, or its link is not the right one.');
  });
});
