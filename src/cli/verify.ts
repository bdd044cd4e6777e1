// `wherry verify`: reads what was copied again and compares it with its receipts, or two trees with each other.

import { defaultDataFolder, loadLimits } from '../config.ts';
import type { openPlacesToVerify } from '../main.ts';
import { addressBelow, formatEndpoint, parseEndpoint } from '../model/endpoint-url.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { ContentHash, HashAlgorithm } from '../model/hash.ts';
import { hashAlgorithms } from '../model/hash.ts';
import { displayPath } from '../model/names.ts';
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
  /** Its address, in the one written form. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What it should be; undefined where nothing is known. */
  readonly expect: { readonly sizeBytes: number; readonly hash: () => Promise<ContentHash> } | undefined;
}

interface Run {
  readonly places: Awaited<ReturnType<typeof openPlacesToVerify>>;
  readonly direct: boolean;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** So many files are read at once; the pool of their mount has its own limit. Far away many go by one question. */
const lanes = { here: 4, far: 500 };

export async function verify({ words, flags, terminal }: VerbCall): Promise<number> {
  const against = flags.text('against');
  if (words.length === 0) throw new Fault('invalid', 'wherry verify needs a path: wherry verify PATH….');
  if (against !== undefined && words.length !== 1)
    throw new Fault('invalid', 'wherry verify --against SRC takes one DST.');
  const given = words.map(placeOf);
  const source = against === undefined ? undefined : placeOf(against);
  const isFar = [...given, source ?? '/'].some((place) => !place.startsWith('/'));
  // What hosts have programs for.
  const algorithm = flags.choice('hash', hashAlgorithms) ?? (isFar ? 'sha256' : 'xxh128-8m');
  const histories = against === undefined ? await withHistory(given.filter((place) => place.startsWith('/'))) : [];
  const paths = given.filter((path) => !histories.includes(path));
  const historyExit =
    histories.length === 0 ? 0 : await verifyHistories(histories, { terminal, direct: flags.is('direct') });
  if (paths.length === 0) return historyExit;
  const interrupt = listenForInterrupt();
  const startedAt = performance.now();
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  const proven =
    against === undefined ? await provenFiles({ paths, data, defaultData: defaultDataFolder(), terminal }) : undefined;
  const { openPlacesToVerify } = await import('../main.ts');
  const reached = isFar ? (await loadLimits({ config: flags.text('config') })).places : {};
  const places = await openPlacesToVerify({ ...reached, signal: interrupt.signal });
  const run: Run = { places, direct: flags.is('direct'), signal: interrupt.signal, terminal };
  try {
    const questions =
      proven === undefined
        ? againstTree(run, source ?? '', paths[0] ?? '', algorithm)
        : againstReceipts(run, paths, proven);
    const tally = await answerAll(run, questions, isFar ? lanes.far : lanes.here);
    const seconds = (performance.now() - startedAt) / 1000;
    return tell(terminal, tally, { paths, seconds, against, direct: run.direct }) || historyExit;
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    terminal.warn('wherry: interrupted; what was not read is not verified.');
    return interrupt.exitCode;
  } finally {
    await places.close();
    interrupt.release();
  }
}

/** The address in its one written form, which for folders of this machine is their path. */
function placeOf(word: string): string {
  const address = parseEndpoint(absolutePlace(word));
  const { scheme, path } = address;
  if (!['file', 'ssh', 's3', 'docker'].includes(scheme)) {
    throw new Fault(
      'unsupported',
      `wherry verify does not read ${displayPath(word)}: it reads folders, ssh, s3, docker.`,
    );
  }
  return formatEndpoint({ ...address, path: path === '/' ? path : path.replace(/\/+$/, '') });
}

async function* againstReceipts(
  run: Run,
  paths: readonly string[],
  proven: ReadonlyMap<string, { sizeBytes: number; hash: ContentHash }>,
): AsyncIterable<Question> {
  const seen = new Set<string>();
  for (const path of paths) {
    const hasReceipts = [...proven.keys()].some((one) => isBelow(one, path));
    for await (const { address, sizeBytes } of run.places.files(path, !hasReceipts)) {
      if (seen.has(address)) continue;
      seen.add(address);
      const known = proven.get(address);
      const expect = known === undefined ? undefined : { sizeBytes: known.sizeBytes, hash: async () => known.hash };
      yield { path: address, sizeBytes, expect };
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
  const there = new Map<string, { readonly address: string; readonly sizeBytes: number }>();
  let alone: string | undefined;
  for await (const { address, below, sizeBytes } of run.places.files(destination, true)) {
    if (address === destination) alone = below;
    there.set(below, { address, sizeBytes });
  }
  for await (const file of run.places.files(source, true)) {
    // A file is compared with a file, or with the one of its name in a folder.
    const below = alone ?? file.below;
    const found = there.get(below);
    const hash = async () => ({ algorithm, value: await run.places.hash(file.address, algorithm, { direct: false }) });
    yield {
      path: found?.address ?? addressBelow(destination, below),
      sizeBytes: found?.sizeBytes ?? -1,
      expect: { sizeBytes: file.sizeBytes, hash },
    };
    there.delete(below);
  }
  for (const { address, sizeBytes } of there.values()) yield { path: address, sizeBytes, expect: undefined };
}

type Tally = Record<Verdict, number> & { bytes: number; exits: Set<number> };

async function answerAll(run: Run, questions: AsyncIterable<Question>, atOnce: number): Promise<Tally> {
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
    await Promise.all(Array.from({ length: atOnce }, lane));
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
    const found = await run.places.hash(path, wanted.algorithm, run);
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
