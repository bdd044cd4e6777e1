// `node bench/watch/run.ts`: what a watch costs and how soon it delivers. `--only latency,burst,idle`, `--containers ts`, `--modes events`.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeTree, wherry } from '../stage.ts';
import { type Container, watchLatency } from './latency.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '2147' },
    only: { type: 'string' },
    files: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    containers: { type: 'string', default: 'ts,mp4,mxf' },
    modes: { type: 'string', default: 'events,scans' },
  },
});
const wanted = (name: string): boolean => values.only === undefined || values.only.split(',').includes(name);

/** User and system time of a process so far, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
}

async function idle(events: boolean): Promise<void> {
  const folder = mkdtempSync('/dev/shm/wherry-bench-idle-');
  const lines = ['watches:'];
  for (let at = 0; at < 10; at++) {
    const source = join(folder, `in-${at}`);
    makeTree(source, 10_000, 100);
    mkdirSync(join(folder, `out-${at}`));
    lines.push(
      `  - source: ${source}`,
      `    destination: ${join(folder, `out-${at}`)}`,
      '    stableSeconds: 1',
      '    scanSeconds: 10',
    );
  }
  writeFileSync(join(folder, 'wherry.yaml'), `${lines.join('\n')}\n`);
  const words = [
    'serve',
    '--data',
    join(folder, 'data'),
    '--config',
    join(folder, 'wherry.yaml'),
    '--listen',
    '127.0.0.1:0',
  ];
  // Without instances of inotify the self-test fails, and the scan is all there is.
  const command = events
    ? [wherry, ...words]
    : [
        'unshare',
        '--user',
        '--map-root-user',
        'sh',
        '-c',
        `echo 0 > /proc/sys/user/max_inotify_instances; exec "$@"`,
        'sh',
        wherry,
        ...words,
      ];
  const daemon = spawn(command[0] ?? '', command.slice(1), { stdio: 'ignore' });
  try {
    while (countFiles(folder) < 100_000) await after(500);
    await after(45_000);
    const pid = daemon.pid ?? 0;
    const before = cpuSeconds(pid);
    await after(Number(values.seconds) * 1000);
    const used = ((cpuSeconds(pid) - before) / Number(values.seconds)) * 100;
    process.stdout.write(
      `| ten idle watches of 10,000 files, ${events ? 'events' : 'scans only'} | ${used.toFixed(2)} % CPU | ${(proportionalBytes(pid) / 1e6).toFixed(0)} MB PSS |\n`,
    );
  } finally {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

function countFiles(folder: string): number {
  let count = 0;
  for (let at = 0; at < 10; at++) count += publishedBelow(join(folder, `out-${at}`));
  return count;
}

function publishedBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  ).length;
}

async function burst(files: number): Promise<void> {
  const folder = mkdtempSync('/dev/shm/wherry-bench-burst-');
  const made = join(folder, 'made');
  const source = join(folder, 'in');
  const destination = join(folder, 'out');
  for (const one of [source, destination]) mkdirSync(one);
  makeTree(made, files, Math.max(1, Math.round(files / 100)));
  const begun = performance.now();
  spawnSync(wherry, ['copy', '--quiet', made, join(folder, 'copy')], {
    env: { ...process.env, XDG_STATE_HOME: join(folder, 'state') },
  });
  const copySeconds = (performance.now() - begun) / 1000;
  const stableSeconds = 2;
  writeFileSync(
    join(folder, 'wherry.yaml'),
    `watches:\n  - source: ${source}\n    destination: ${destination}\n    stableSeconds: ${stableSeconds}\n    scanSeconds: 1\n    growthPollSeconds: 1\n`,
  );
  const daemon = spawn(
    wherry,
    ['serve', '--data', join(folder, 'data'), '--config', join(folder, 'wherry.yaml'), '--listen', '127.0.0.1:0'],
    { stdio: 'ignore' },
  );
  try {
    await after(4_000);
    spawnSync('cp', ['-a', `${made}/.`, source]);
    const dropped = performance.now();
    while (publishedBelow(destination) < files) await after(50);
    const seconds = (performance.now() - dropped) / 1000 - stableSeconds;
    process.stdout.write(
      `| ${files.toLocaleString('en')} small files dropped at once | ${seconds.toFixed(2)} s beyond stableSeconds | one \`wherry copy\`: ${copySeconds.toFixed(2)} s, ratio ${(seconds / copySeconds).toFixed(2)} |\n`,
    );
  } finally {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

if (wanted('latency')) {
  process.stdout.write(
    '| container | GB | last byte → published s | one re-read s | rsync after close s |\n| --- | --- | --- | --- | --- |\n',
  );
  for (const container of values.containers.split(',') as Container[]) {
    const seen = await watchLatency(container, Number(values.megabytes) * 1e6, { growth: 1, idle: 30 });
    process.stdout.write(
      `| .${container} | ${(seen.bytes / 1e9).toFixed(2)} | ${seen.publishedSeconds.toFixed(2)} | ${seen.rereadSeconds.toFixed(2)} | ${seen.afterCloseSeconds.toFixed(2)} |\n`,
    );
  }
}
if (wanted('burst')) await burst(Number(values.files));
if (wanted('idle')) {
  if (values.modes.includes('events')) await idle(true);
  if (values.modes.includes('scans')) await idle(false);
}
