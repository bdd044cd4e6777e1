// The part of `wherry doctor` that looks at the machine: Node, native modules, programs, limits of the system, the clock.

import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Finding } from './doctor.ts';

/** Programs that some mode calls, with what is lost without them. */
const tools = [
  { program: 'dd', packageName: 'coreutils', use: '`wherry verify --direct` reads past the page cache with it' },
  { program: 'sh', packageName: 'dash', use: 'a copy of many files makes them durable from a shell' },
  { program: 'ffmpeg', packageName: 'ffmpeg', use: 'thumbnails, proxies and stitched videos are made with it' },
  { program: 'gphoto2', packageName: 'gphoto2', use: 'cameras at USB are seen and read with it' },
  { program: 'exiftool', packageName: 'libimage-exiftool-perl', use: 'metadata is read and XMP written with it' },
] as const;

/** Native packages: each is built for one platform, and npm leaves them out where it is told to. */
const modules = ['better-sqlite3', '@napi-rs/blake-hash', 'xxhash-addon', 'koffi'] as const;

const leastNode = 24;
/** No Wherry existed before; a clock that says so was never set. */
const earliest = Date.UTC(2025, 0, 1);
const latest = Date.UTC(2100, 0, 1);
/** inotify watches are one a folder, for all programs of the user together. */
const fewWatches = 65_536;
const fewFiles = 1_024;

export async function* examineMachine(): AsyncIterable<Finding> {
  yield judgeNode(process.versions.node);
  yield await judgeModules();
  for (const tool of tools) yield judgeTool(tool, process.env.PATH ?? '');
  yield* judgeSystem();
  yield judgeClock(Date.now());
}

export function judgeNode(version: string): Finding {
  const where = `Node ${version} (${process.platform} ${process.arch})`;
  if (Number.parseInt(version, 10) >= leastNode) return { check: 'node', state: 'ok', text: `${where}.` };
  return {
    check: 'node',
    state: 'problem',
    text: `${where} is too old: Wherry needs ${leastNode} or newer.`,
    remedy: 'Run `npm ci`, which brings one, or start it with bin/wherry.',
  };
}

async function judgeModules(): Promise<Finding> {
  const missing: string[] = [];
  for (const name of modules) {
    await import(name).catch((error: unknown) => {
      missing.push(`${name} (${error instanceof Error && 'code' in error ? String(error.code) : String(error)})`);
    });
  }
  if (missing.length === 0) return { check: 'modules', state: 'ok', text: 'All native modules load.' };
  return {
    check: 'modules',
    state: 'problem',
    text: `Native modules do not load: ${missing.join(', ')}.`,
    remedy: 'Run `npm ci` on this machine: modules of another one do not fit.',
  };
}

export function judgeTool(
  { program, packageName, use }: { program: string; packageName: string; use: string },
  path: string,
): Finding {
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isProgram);
  if (found !== undefined) return { check: 'tool', state: 'ok', text: `${program}: ${found}.` };
  return {
    check: 'tool',
    state: 'warning',
    text: `${program} is not installed: ${use}.`,
    remedy: `Install the package ${packageName}.`,
  };
}

function* judgeSystem(): Iterable<Finding> {
  const watches = Number(readOr('/proc/sys/fs/inotify/max_user_watches'));
  if (watches > 0) yield judgeWatches(watches);
  const files = Number(/^Max open files\s+(\d+)/m.exec(readOr('/proc/self/limits'))?.[1]);
  if (files > 0) yield judgeOpenFiles(files);
}

export function judgeWatches(watches: number): Finding {
  if (watches >= fewWatches)
    return { check: 'system', state: 'ok', text: `Up to ${watches} folders can be watched by events.` };
  return {
    check: 'system',
    state: 'warning',
    text: `Only ${watches} folders can be watched by events; what is beyond is found by scanning alone.`,
    remedy: `Set fs.inotify.max_user_watches=${fewWatches * 8} in /etc/sysctl.d.`,
  };
}

export function judgeOpenFiles(files: number): Finding {
  if (files >= fewFiles) return { check: 'system', state: 'ok', text: `Up to ${files} files can be open at once.` };
  return {
    check: 'system',
    state: 'warning',
    text: `Only ${files} files can be open at once.`,
    remedy: `Raise the limit: \`ulimit -n ${fewFiles * 4}\`, or LimitNOFILE= of the service.`,
  };
}

/** Whether it agrees with the clocks of the file systems is looked at with the folders. */
export function judgeClock(now: number): Finding {
  const shown = Number.isFinite(new Date(now).getTime()) ? new Date(now).toISOString() : String(now);
  if (now > earliest && now < latest) return { check: 'clock', state: 'ok', text: `It is ${shown}.` };
  return {
    check: 'clock',
    state: 'problem',
    text: `The clock says ${shown}, which cannot be.`,
    remedy: 'Set the clock, by a time server if there is one (systemd-timesyncd, chrony).',
  };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
