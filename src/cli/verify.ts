// `wherry verify`: reads what was copied again and compares it with its receipts, or two trees with each other.

import { defaultDataFolder } from '../config.ts';
import type { Endpoint } from '../main.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { ContentHash, HashAlgorithm } from '../model/hash.ts';
import { hashAlgorithms } from '../model/hash.ts';
import { baseName, displayPath, joinPath, parentPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import type { VerbCall } from './command-line.ts';
import { absolutePlace } from './copy-request.ts';
import { listenForInterrupt } from './interrupt.ts';
import { isBelow, provenFiles } from './known-copies.ts';
import type { Terminal } from './terminal.ts';
import { verifyHistories, withHistory } from './verify-history.ts';
import { counted, formatDuration, grouped } from './words.ts';

type Verdict = 'ok' | 'changed' | 'missing' | 'no-receipt' | 'unreadable';

interface Question {
  /** Absolute. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What it should be; undefined where nothing is known. */
  readonly expect: { readonly sizeBytes: number; readonly hash: () => Promise<ContentHash> } | undefined;
}

interface Run {
  readonly open: (address: string) => Promise<Endpoint>;
  readonly direct: boolean;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** So many files are read at once; the pool of their mount has its own limit. */
const lanes = 4;

export async function verify({ words, flags, terminal }: VerbCall): Promise<number> {
  const against = flags.text('against');
  const algorithm = flags.choice('hash', hashAlgorithms) ?? 'xxh128-8m';
  if (words.length === 0) throw new Fault('invalid', 'wherry verify needs a path: wherry verify PATH….');
  if (against !== undefined && words.length !== 1)
    throw new Fault('invalid', 'wherry verify --against SRC takes one DST.');
  const given = words.map((word) => localPath(word));
  const histories = against === undefined ? await withHistory(given) : [];
  const paths = given.filter((path) => !histories.includes(path));
  const historyExit =
    histories.length === 0 ? 0 : await verifyHistories(histories, { terminal, direct: flags.is('direct') });
  if (paths.length === 0) return historyExit;
  const interrupt = listenForInterrupt();
  const startedAt = performance.now();
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  const proven =
    against === undefined ? await provenFiles({ paths, data, defaultData: defaultDataFolder(), terminal }) : undefined;
  const { openPlaces } = await import('../main.ts');
  const wherry = await openPlaces();
  const run: Run = { open: wherry.open, direct: flags.is('direct'), signal: interrupt.signal, terminal };
  try {
    const questions =
      proven === undefined
        ? againstTree(run, localPath(against ?? ''), paths[0] ?? '', algorithm)
        : againstReceipts(run, paths, proven);
    const tally = await answerAll(run, questions);
    const seconds = (performance.now() - startedAt) / 1000;
    return tell(terminal, tally, { paths, seconds, against, direct: run.direct }) || historyExit;
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    terminal.warn('wherry: interrupted; what was not read is not verified.');
    return interrupt.exitCode;
  } finally {
    await wherry.close();
    interrupt.release();
  }
}

function localPath(word: string): string {
  const place = absolutePlace(word);
  if (!place.startsWith('/'))
    throw new Fault('unsupported', `wherry verify reads places on this machine, not ${displayPath(place)}.`);
  return place === '/' ? place : place.replace(/\/+$/, '');
}

/** The files below a path, itself where it is one. Rejects with `not_found` where nothing is there and `must` is set. */
async function* filesBelow(run: Run, path: string, must: boolean): AsyncIterable<{ path: string; sizeBytes: number }> {
  const parent = await run.open(parentPath(path) || '/');
  const entry =
    path === '/'
      ? { kind: 'folder' as const, sizeBytes: 0 }
      : await parent.stat(baseName(path), { signal: run.signal });
  await parent.close();
  if (entry === undefined) {
    if (must) throw new Fault('not_found', `${displayPath(path)} is not there.`);
    return;
  }
  if (entry.kind === 'file') yield { path, sizeBytes: entry.sizeBytes };
  if (entry.kind !== 'folder') return;
  const endpoint = await run.open(path);
  try {
    for await (const { kind, path: below, sizeBytes } of endpoint.list('', { signal: run.signal })) {
      if (kind === 'file') yield { path: absolute(path, below), sizeBytes };
    }
  } finally {
    await endpoint.close();
  }
}

function absolute(folder: string, below: string): string {
  return folder === '/' ? `/${below}` : joinPath(folder, below);
}

async function* againstReceipts(
  run: Run,
  paths: readonly string[],
  proven: ReadonlyMap<string, { sizeBytes: number; hash: ContentHash }>,
): AsyncIterable<Question> {
  const seen = new Set<string>();
  for (const path of paths) {
    const hasReceipts = [...proven.keys()].some((one) => isBelow(one, path));
    for await (const file of filesBelow(run, path, !hasReceipts)) {
      if (seen.has(file.path)) continue;
      seen.add(file.path);
      const known = proven.get(file.path);
      const expect = known === undefined ? undefined : { sizeBytes: known.sizeBytes, hash: async () => known.hash };
      yield { ...file, expect };
    }
  }
  for (const [path, { sizeBytes, hash }] of proven) {
    if (!seen.has(path)) yield { path, sizeBytes: -1, expect: { sizeBytes, hash: async () => hash } };
  }
}

async function* againstTree(
  run: Run,
  source: string,
  destination: string,
  algorithm: HashAlgorithm,
): AsyncIterable<Question> {
  const there = new Map<string, number>();
  for await (const file of filesBelow(run, destination, true)) there.set(file.path, file.sizeBytes);
  // A file is compared with a file, or with the one of its name in a folder.
  const base = there.has(destination) ? undefined : destination;
  for await (const file of filesBelow(run, source, true)) {
    const below = file.path === source ? baseName(source) : file.path.slice(source === '/' ? 1 : source.length + 1);
    const path = base === undefined ? destination : absolute(base, below);
    const hash = async () => ({ algorithm, value: await hashOf({ ...run, direct: false }, file.path, algorithm) });
    yield { path, sizeBytes: there.get(path) ?? -1, expect: { sizeBytes: file.sizeBytes, hash } };
    there.delete(path);
  }
  for (const [path, sizeBytes] of there) yield { path, sizeBytes, expect: undefined };
}

async function hashOf(run: Run, path: string, algorithm: HashAlgorithm): Promise<string> {
  if (run.direct) {
    const { hashPastCache } = await import('../main.ts');
    return hashPastCache(path, algorithm, run.signal);
  }
  const endpoint = await run.open(parentPath(path) || '/');
  try {
    if (endpoint.hash === undefined)
      throw new Fault('unsupported', `${displayPath(path)} is in a place that cannot hash.`);
    return await endpoint.hash(baseName(path), algorithm, { signal: run.signal });
  } finally {
    await endpoint.close();
  }
}

type Tally = Record<Verdict, number> & { bytes: number; exits: Set<number> };

async function answerAll(run: Run, questions: AsyncIterable<Question>): Promise<Tally> {
  const tally: Tally = { ok: 0, changed: 0, missing: 0, 'no-receipt': 0, unreadable: 0, bytes: 0, exits: new Set() };
  const { terminal } = run;
  const timer = setInterval(() => {
    const read = tally.ok + tally.changed;
    terminal.live([`${counted(read, 'file')} read again, ${formatSize(tally.bytes)} …`]);
  }, 200).unref();
  const source = questions[Symbol.asyncIterator]();
  const lane = async () => {
    for (;;) {
      run.signal.throwIfAborted();
      const next = await source.next();
      if (next.done === true) return;
      const { path, sizeBytes } = next.value;
      const { verdict, why } = await answer(run, next.value, tally);
      tally[verdict] += 1;
      if (verdict === 'ok') tally.bytes += sizeBytes;
      tellOne(terminal, path, verdict, why);
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    clearInterval(timer);
    terminal.live([]);
  }
  return tally;
}

async function answer(
  run: Run,
  { path, sizeBytes, expect }: Question,
  tally: Tally,
): Promise<{ verdict: Verdict; why: string }> {
  if (expect === undefined) return { verdict: 'no-receipt', why: '' };
  if (sizeBytes < 0) return { verdict: 'missing', why: '' };
  if (sizeBytes !== expect.sizeBytes) {
    return { verdict: 'changed', why: `it has ${formatSize(sizeBytes)} and had ${formatSize(expect.sizeBytes)}` };
  }
  try {
    const wanted = await expect.hash();
    const found = await hashOf(run, path, wanted.algorithm);
    return found === wanted.value
      ? { verdict: 'ok', why: '' }
      : { verdict: 'changed', why: `its ${wanted.algorithm} is ${found} and was ${wanted.value}` };
  } catch (error) {
    run.signal.throwIfAborted();
    const fault = asFault(error);
    if (fault.code === 'not_found') return { verdict: 'missing', why: '' };
    if (fault.code === 'unsupported' || fault.code === 'tool_missing') throw fault;
    tally.exits.add(fault.meaning.exitCode);
    return { verdict: 'unreadable', why: fault.message };
  }
}

function tellOne(terminal: Terminal, path: string, verdict: Verdict, why: string): void {
  if (terminal.json) {
    terminal.object({ type: 'file', verdict, ...pathText(path), ...(why === '' ? {} : { reason: why }) });
    return;
  }
  if ((verdict === 'ok' || verdict === 'no-receipt') && terminal.verbose === 0) return;
  const colour = verdict === 'ok' ? 'green' : verdict === 'no-receipt' ? 'dim' : 'red';
  terminal.out(`${terminal.paint(colour, verdict.padEnd(10))} ${displayPath(path)}${why === '' ? '' : `: ${why}`}`);
}

function tell(
  terminal: Terminal,
  tally: Tally,
  about: { paths: readonly string[]; seconds: number; against: string | undefined; direct: boolean },
): number {
  const { ok, changed, missing, unreadable } = tally;
  const unknown = tally['no-receipt'];
  const parts = [
    `${counted(ok, 'file')} (${formatSize(tally.bytes)}) ${about.against === undefined ? 'as they were copied' : 'equal'}`,
  ];
  if (changed > 0) parts.push(`${grouped(changed)} changed`);
  if (missing > 0) parts.push(`${grouped(missing)} missing`);
  if (unreadable > 0) parts.push(`${grouped(unreadable)} unreadable`);
  if (unknown > 0)
    parts.push(`${grouped(unknown)} ${about.against === undefined ? 'without a receipt' : 'only at the destination'}`);
  const how = about.direct
    ? 'read from the medium'
    : 'what was read lately may have come from memory (--direct reads past it)';
  terminal.say(`${parts.join(', ')}, in ${formatDuration(about.seconds)}; ${how}.`);
  const nothingKnown = about.against === undefined && ok + changed + missing + unreadable === 0;
  if (nothingKnown) {
    terminal.warn(
      `wherry: there is no receipt of anything in ${about.paths.map(displayPath).join(', ')}; --against compares with a source.`,
    );
  }
  const [only] = tally.exits;
  const exitCode =
    changed + missing > 0
      ? 11
      : tally.exits.size === 1 && only !== undefined
        ? only
        : unreadable > 0 || nothingKnown
          ? 1
          : 0;
  if (terminal.json) {
    terminal.object({
      type: 'summary',
      ok,
      changed,
      missing,
      unreadable,
      withoutReceipt: unknown,
      bytes: tally.bytes,
      direct: about.direct,
      exitCode,
    });
  }
  return exitCode;
}
