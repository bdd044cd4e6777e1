// The real command line as a child process on temporary folders.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const entry = resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when what it has said so far matches; rejects where it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface Bench {
  /** Everything of the test lives below it. */
  readonly folder: string;
  path(...parts: string[]): string;
  /** Runs to its end. */
  run(...words: string[]): Promise<Ended>;
  start(words: readonly string[], options?: StartOptions): Started;
  /** A line of shell, with NODE and ENTRY set: for words that no string of JavaScript can hold. */
  shell(line: string): Promise<Ended>;
  /** Ends what still runs and removes the folder. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** What root may and others may not (reading and writing against the permission bits) is taken away. */
  readonly plainUser?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs this instead of the command line's entry. */
  readonly command?: readonly string[];
}

/** State, cache, data and configuration are below the bench's folder, which is the working folder, too. */
export function openBench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-cli-'));
  const running = new Set<Started>();
  const start = (
    words: readonly string[],
    { plainUser = false, env = {}, command: other }: StartOptions = {},
  ): Started => {
    const node = other === undefined ? [process.execPath, entry, ...words] : [...other];
    const asPlainUser = [
      'setpriv',
      '--bounding-set=-dac_override,-dac_read_search,-fowner',
      '--inh-caps=-all',
      ...node,
    ];
    const [command = '', ...rest] = plainUser && process.getuid?.() === 0 ? asPlainUser : node;
    const child = spawn(command, rest, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        XDG_STATE_HOME: join(folder, 'state'),
        XDG_DATA_HOME: join(folder, 'share'),
        XDG_CONFIG_HOME: join(folder, 'config'),
        XDG_CONFIG_DIRS: join(folder, 'etc'),
        // One for all benches: what one run has compiled the next need not.
        XDG_CACHE_HOME: join(tmpdir(), 'wherry-test-cache'),
        ...env,
      },
    });
    let out = '';
    let err = '';
    let looks: (() => void)[] = [];
    const hear = (add: (text: string) => void) => (text: string) => {
      add(text);
      for (const look of looks) look();
    };
    child.stdout.setEncoding('utf8').on(
      'data',
      hear((text) => {
        out += text;
      }),
    );
    child.stderr.setEncoding('utf8').on(
      'data',
      hear((text) => {
        err += text;
      }),
    );
    const ended = new Promise<Ended>((done, fail) => {
      child.on('error', fail);
      child.on('close', (code) => {
        running.delete(started);
        done({ code, out, err });
      });
    });
    const started: Started = {
      child,
      ended,
      said: (pattern) =>
        new Promise((done, fail) => {
          const look = () => {
            const match = pattern.exec(out + err);
            if (match === null) return;
            looks = looks.filter((one) => one !== look);
            done(match);
          };
          looks.push(look);
          look();
          void ended.then(() => fail(new Error(`It ended without saying ${pattern}: ${out}${err}`)));
        }),
    };
    running.add(started);
    return started;
  };
  return {
    folder,
    path: (...parts) => join(folder, ...parts),
    run: (...words) => start(words).ended,
    start,
    shell: (line) =>
      start([], { command: ['/bin/sh', '-c', line], env: { NODE: process.execPath, ENTRY: entry } }).ended,
    async close() {
      for (const { child } of running) child.kill('SIGKILL');
      await Promise.all([...running].map(({ ended }) => ended));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The lines of --json as values. */
export function objects(ended: Ended): Record<string, unknown>[] {
  return ended.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Every file below a folder with its content. */
export function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), readFileSync(path, 'latin1')];
      }),
  );
}
