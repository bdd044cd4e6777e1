// T27: hostile names through copy, watch and API; links that lead out; a folder that is swapped for a link while files are written into it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fault } from '../../../src/model/fault.ts';
import { endWithUs, killGroup } from '../../support/children.ts';
import type { Daemon } from '../../support/daemon.ts';
import { filesBelow, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import { hostileNames, hostileTree, knownHostile, writeHostileTree } from '../hostile-names.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, type Stage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';
import { unescaped } from '../words.ts';

const swapper = resolve(import.meta.dirname, '../folder-swapper.ts');
const namesInATree = 60;

const loud: Copier = {
  ...ours,
  command: (source, destination) => [...ours.command(source, destination).slice(0, 2), '-v', '-P', source, destination],
};

function compareHostile(
  source: string,
  destination: string,
  label: string,
  tally: Tally,
  isWanted = (_: string) => true,
): void {
  const wanted = hostileTree(source);
  const there = existsSync(destination) ? hostileTree(destination) : new Map<string, string>();
  for (const [path, hash] of wanted) {
    if (!isWanted(path)) continue;
    const found = there.get(path);
    if (found === undefined) tally.lost(`${label}: ${told(path)}`);
    else if (found !== hash) tally.corrupt(`${label}: ${told(path)}`);
    there.delete(path);
  }
  for (const path of there.keys()) tally.fault(`${label}: left behind ${told(path)}`);
}

function told(path: string): string {
  return JSON.stringify(
    path
      .split('/')
      .map((part) => Buffer.from(part, 'hex').toString('utf8'))
      .join('/'),
  );
}

/**
 * Names that are refused by design, aloud: what another system would take for an absolute path. And what is left out by design: partials
 * of Wherry's own making.
 */
function isTaken(path: string): boolean {
  const [first = ''] = path.split('/');
  const text = Buffer.from(first, 'hex').toString('latin1');
  const name = Buffer.from(path.split('/').at(-1) ?? '', 'hex').toString('latin1');
  return !isRefused(text) && !/^\..*\.[0-9A-Z]{26}\.\d+\.partial$/s.test(name);
}

function isRefused(text: string): boolean {
  return /^[A-Za-z]:(\\|$)/.test(text) || text.startsWith('\\\\');
}

async function copies(copier: Copier, names: readonly Buffer[], options: RowOptions, tally: Tally): Promise<void> {
  for (let from = 0; from < names.length; from += namesInATree) {
    const label = `copy of names ${from} and on`;
    const source = join(options.scratch, `source-${from}`);
    const destination = join(options.scratch, `out-${from}`);
    writeHostileTree(source, names.slice(from, from + namesInATree));
    const { exitCode, words } = await runCopy(copier, source, destination, {
      state: join(options.scratch, `state-${from}`),
    });
    const refused = [...hostileTree(source).keys()].filter((path) =>
      isRefused(Buffer.from(path.split('/')[0] ?? '', 'hex').toString('latin1')),
    );
    if (exitCode !== (refused.length > 0 ? 1 : 0)) tally.fault(`${label}: exit ${exitCode}: ${words.slice(-300)}`);
    if (copier.isOurs && refused.length > 0 && (words.match(/drive|UNC/g) ?? []).length < refused.length)
      tally.fault(`${label}: not every refused name is told: ${words.slice(-300)}`);
    const raw = unescaped(words);
    // Colours and the cursor are its own business only on a terminal, and this is none.
    if (raw.length > 0)
      tally.fault(`${label}: ${raw.length} control characters reach the terminal, such as ${JSON.stringify(raw[0])}`);
    compareHostile(source, destination, label, tally, copier.isOurs ? isTaken : undefined);
    const again = await runCopy(copier, source, destination, { state: join(options.scratch, `state-${from}`) });
    if (copier.isOurs && !/Nothing to copy|Copied 0 files/.test(again.words))
      tally.fault(`${label}: again with nothing changed moves something: ${again.words.slice(-200)}`);
  }
}

/** A link at the destination that leads out, and a folder that becomes one again and again while files are written into it. */
async function links(copier: Copier, options: RowOptions, tally: Tally): Promise<void> {
  const outside = join(options.scratch, 'outside');
  const source = join(options.scratch, 'linked-source');
  const destination = join(options.scratch, 'linked-out');
  const state = join(options.scratch, 'linked-state');
  mkdirSync(outside, { recursive: true });
  mkdirSync(destination);
  for (const folder of ['trap', 'swapped/deep', 'plain']) writeSmallFiles(join(source, folder), 120, 8_000);
  symlinkSync(outside, join(source, 'link-out'));
  symlinkSync(outside, join(destination, 'trap'));
  const rounds = Math.max(2, Math.round(20 * options.scale));
  const swapping = endWithUs(
    spawn(process.execPath, [swapper, destination, 'swapped', outside], { stdio: 'ignore', detached: true }),
  );
  const ended = once(swapping, 'exit');
  for (let round = 1; round <= rounds; round++) {
    const { words, hung } = await runCopy(copier, source, destination, { state, timeoutMs: 60_000 });
    if (hung) tally.fault(`links, round ${round}: it did not come to an end`);
    if (copier.isOurs && !words.includes('trap'))
      tally.fault(`links, round ${round}: the link in the way is not told of`);
    for (const path of filesBelow(outside)) tally.fault(`links, round ${round}: ${path} was written outside`);
    if (existsSync(join(destination, 'plain')))
      for (const path of filesBelow(join(source, 'plain')))
        if (!existsSync(join(destination, 'plain', path))) tally.lost(`links, round ${round}: plain/${path}`);
  }
  killGroup(swapping);
  await ended;
  if (statSync(join(destination, 'trap')).ino !== statSync(outside).ino)
    tally.fault('links: the link at the destination was replaced');
  if (existsSync(join(destination, 'link-out'))) tally.fault('links: a link of the source was followed');
}

/** Requests that name places outside the roots, by whatever spelling. */
async function requests(daemon: Daemon, root: string, outside: string, tally: Tally): Promise<void> {
  symlinkSync(outside, join(root, 'way-out'));
  const spellings = [
    '/etc',
    outside,
    `${root}/../outside`,
    `${root}/./a/../../outside`,
    `${root}/way-out`,
    `${root}/way-out/deeper`,
    `${root}-beside`,
    `file://${outside}`,
    `file://${root}/%2e%2e/outside`,
    `${root}/a\0b`,
    '\\\\server\\share',
    'C:\\Windows',
    'ssh://-oProxyCommand=touch%20pwned/x',
    '..',
    '../outside',
    '~',
    '',
  ];
  for (const spelling of spellings)
    for (const body of [
      { kind: 'copy' as const, sources: [join(root, 'in')], destination: spelling },
      { kind: 'copy' as const, sources: [spelling], destination: join(root, 'out') },
      { kind: 'watch' as const, source: join(root, 'in'), destinations: [spelling] },
    ]) {
      const answer = await daemon.client.call('createJob', { body }).catch((error: unknown) => error);
      if (!(answer instanceof Fault)) tally.fault(`a job to or from ${JSON.stringify(spelling)} was taken`);
      else if (answer.meaning.httpStatus >= 500)
        tally.fault(`${JSON.stringify(spelling)}: ${answer.code}: ${answer.message}`);
    }
  for (const path of filesBelow(outside)) tally.fault(`by the API: ${path} was written outside`);
}

async function watched(names: readonly Buffer[], options: RowOptions, tally: Tally): Promise<void> {
  await onStage(join(options.scratch, 'watched'), async (stage: Stage) => {
    const root = stage.folder('root');
    const outside = stage.folder('outside');
    const source = stage.folder('root/in');
    const source2 = stage.folder('root/in-2');
    const out = stage.folder('root/out');
    const placed = stage.folder('root/placed');
    const config = [
      `roots: [${root}]`,
      'watches:',
      `  - { source: ${source}, destination: ${out}, scanSeconds: 0.5, stableSeconds: 0.5, emptySeconds: 0.5 }`,
      `  - source: ${source2}`,
      `    destination: ${placed}`,
      '    emptySeconds: 0.5',
      '    scanSeconds: 0.5',
      '    stableSeconds: 0.5',
      '    rules: [{ match: "**", to: "by/{stem}/{ext}/{relativeDir}/{name}" }]',
      '',
    ].join('\n');
    const daemon = await stage.daemon('daemon', { config });
    for (const folder of [source, source2]) writeHostileTree(folder, names);
    // Names that begin with a dot are not a watch's business.
    const isWanted = (path: string): boolean => isTaken(path) && !path.split('/').some((part) => part.startsWith('2e'));
    const wanted = [...hostileTree(source)].filter(([path]) => isWanted(path));
    const contents = (folder: string): Set<string> => new Set(hostileTree(folder).values());
    await until(
      () => {
        const both = [contents(out), contents(placed)];
        return wanted.every(([, hash]) => both.every((there) => there.has(hash))) ? true : undefined;
      },
      60_000,
      500,
    );
    compareHostile(source, out, 'watch', tally, isWanted);
    const there = contents(placed);
    for (const [path, hash] of wanted) if (!there.has(hash)) tally.lost(`watch with a rule: ${told(path)}`);
    await requests(daemon, root, outside, tally);
    for (const path of filesBelow(outside)) tally.fault(`watch: ${path} was written outside`);
    for (const name of readdirSync(root))
      if (!['in', 'in-2', 'out', 'placed', 'way-out'].includes(name))
        tally.fault(`watch: ${JSON.stringify(name)} was made beside its places`);
    const { rows } = await daemon.client.call('listTransfers', { query: { limit: 1000 } });
    const refused = rows.filter(({ state }) => state === 'failed' || state === 'waiting');
    options.say(
      `${rows.length} transfers; ${refused.length} refused or waiting, such as ${refused[0]?.error?.message ?? ''}`,
    );
    const shownRaw = rows.filter(({ source: from, destination }) => unescaped(from.path + destination.path).length > 0);
    if (shownRaw.length > 0) tally.fault(`the API shows ${shownRaw.length} names unescaped`);
    await daemon.stop();
    const logs = join(options.scratch, 'watched', 'daemon', 'data', 'logs');
    const logged =
      filesBelow(logs)
        .map((path) => readFileSync(join(logs, path), 'utf8'))
        .join('') + daemon.words();
    const raw = unescaped(logged);
    if (raw.length > 0)
      tally.fault(`the logs hold ${raw.length} control characters, such as ${JSON.stringify(raw[0])}`);
  });
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const count = Math.max(knownHostile.length + 20, Math.round(options.runs * options.scale));
  const names = hostileNames(count, options.seed);
  await copies(loud, names, options, tally);
  options.say(`${count} names copied`);
  await links(ours, options, tally);
  options.say('links tried');
  await watched(names.slice(0, 300), options, tally);
  options.say('watch and API tried');
  return tally.result(count);
}

async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await copies(naive(), hostileNames(namesInATree, options.seed), options, tally);
  await links(naive(), { ...options, scale: 0.1 }, tally);
  return tally.result(namesInATree);
}

export const hostileNamesRow: Row = {
  id: 'T27',
  title: 'hostile names through copy, watch and API; links that lead out',
  runs: 500,
  run: torment,
  control,
};
