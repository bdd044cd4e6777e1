// `wherry cleanup`: deletes old files at a source that are proven to stand elsewhere; by the daemon, and by the ledgers of this user's own copies.

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings } from '../config.ts';
import { type CleanupResult, type KeptReason, keptReasons } from '../model/cleanup.ts';
import type { CleanupRequest } from '../model/cleanup-schema.ts';
import { parseEndpoint } from '../model/endpoint-url.ts';
import { Fault, type FaultReport, faultFrom } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { exactPath, pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { absolutePlace, copyLedgers, knownCopies } from './copy-request.ts';
import { type DaemonLink, findDaemon } from './daemon-client.ts';
import { hours } from './hours.ts';
import { listenForInterrupt } from './interrupt.ts';
import { isBelow } from './known-copies.ts';
import type { Terminal } from './terminal.ts';
import { tellOnTerminal } from './terminal-log.ts';
import { counted, grouped } from './words.ts';

export async function cleanup({ words, flags, terminal }: VerbCall): Promise<number> {
  const [place, ...more] = words;
  if (place === undefined || more.length > 0) {
    throw new Fault('invalid', 'wherry cleanup takes one place: wherry cleanup ENDPOINT [--age 24h].');
  }
  const request = requestOf(absolutePlace(place).replace(/(.)\/+$/, '$1'), flags);
  const settings = await loadSettings({ config: flags.text('config'), data: flags.text('data') });
  const daemon = findDaemon(settings.dataFolder);
  const atRest = daemon === undefined && existsSync(join(settings.dataFolder, 'ledger.sqlite'));
  const ledgers = [...ownLedgers(request.endpoint, flags), ...(atRest ? [settings.dataFolder] : [])];
  const interrupt = listenForInterrupt();
  try {
    const results: CleanupResult[] = [];
    if (daemon !== undefined) results.push(...(await byDaemon(daemon, request, interrupt.signal)));
    if (ledgers.length > 0) {
      const { cleanUpByHand } = await import('../main.ts');
      const unread = (folder: string, { message }: Fault) =>
        terminal.warn(
          `wherry: the ledger in ${displayPath(folder)} cannot be read, and what it knows stays: ${message}`,
        );
      const { ssh, s3 } = settings;
      const options = { log: tellOnTerminal(terminal), ssh, s3 };
      const result = await cleanUpByHand({ request, ledgers, unread }, options, interrupt.signal);
      if (result !== undefined) results.push(result);
    }
    return tell(terminal, request.endpoint, results);
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    terminal.warn('wherry: interrupted; what was deleted until then is on record.');
    return interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

function requestOf(endpoint: string, flags: Flags): CleanupRequest & { readonly endpoint: string } {
  const age = flags.text('age');
  const copies = flags.number('copies', 1, 16);
  return {
    endpoint,
    ageHours: age === undefined ? 24 : hours('age', age),
    folders: flags.list('folder'),
    preservePatterns: flags.list('preserve'),
    checksum: flags.is('checksum'),
    dryRun: flags.is('dry-run'),
    ...(copies === undefined ? {} : { copies }),
  };
}

/** The ledgers of copies, syncs and watches of this user whose source lies in the place, or it in theirs. */
function ownLedgers(endpoint: string, flags: Flags): string[] {
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  const known = [copyLedgers(undefined), ...(data === undefined ? [] : [copyLedgers(data)])].flatMap(knownCopies);
  const places = [endpoint, ...realPlace(endpoint)];
  const isNear = (source: string) => places.some((place) => isWithin(source, place) || isWithin(place, source));
  return [...new Set(known.filter(({ pair }) => pair.sources.some(isNear)).map(({ folder }) => folder))];
}

function realPlace(endpoint: string): string[] {
  try {
    return endpoint.startsWith('/') ? [realpathSync(endpoint)] : [];
  } catch {
    return [];
  }
}

function isWithin(place: string, folder: string): boolean {
  const [one, other] = [parseEndpoint(place), parseEndpoint(folder)];
  const whole = (path: string) => `/${path.replace(/^\/+|\/+$/g, '')}`;
  return (
    one.scheme === other.scheme && one.authority === other.authority && isBelow(whole(one.path), whole(other.path))
  );
}

/** In parts, each of which is answered long before anybody gives up waiting for an answer. */
async function byDaemon(
  { client }: DaemonLink,
  request: CleanupRequest,
  signal: AbortSignal,
): Promise<CleanupResult[]> {
  const results: CleanupResult[] = [];
  const body = { ...request, mostFiles: request.dryRun === true ? null : filesAtOnce };
  for (;;) {
    const { files, ...said } = await client.call('cleanUp', { body }, { signal });
    const errors = said.errors.map((error) => faultFrom(error as FaultReport).report());
    const exact = files.map((file) => ({ path: exactPath(plain(file)), sizeBytes: file.sizeBytes }));
    results.push({ ...said, errors, files: exact });
    if (body.mostFiles === null || said.filesDeleted < body.mostFiles) return results;
  }
}

const filesAtOnce = 5_000;

function plain({ path, pathBytes }: { path: string; pathBytes?: string | undefined }) {
  return pathBytes === undefined ? { path } : { path, pathBytes };
}

const keptWords: Readonly<Record<KeptReason, string>> = {
  young: 'too young',
  preserved: 'preserved',
  unproven: 'not proven elsewhere',
  changed: 'changed since they were copied',
  copyMissing: 'whose copy is not there any more',
  failed: 'in trouble',
};

function tell(terminal: Terminal, endpoint: string, results: readonly CleanupResult[]): number {
  const last = results.at(-1);
  if (last === undefined) {
    const text = `No ledger knows of copies from ${displayPath(endpoint)}: nothing is proven, and nothing was deleted.`;
    terminal.warn(`wherry: ${text}`);
    if (terminal.json) terminal.object({ type: 'summary', ...nothing, exitCode: 1 });
    return 1;
  }
  // Of a dry run both may name the same file.
  const files = new Map(results.flatMap((result) => result.files.map((file) => [file.path, file] as const)));
  const isWhole = results.every((result) => result.files.length === result.filesDeleted);
  const sum = (of: (result: CleanupResult) => number) => results.reduce((all, result) => all + of(result), 0);
  const deleted = isWhole ? files.size : sum(({ filesDeleted }) => filesDeleted);
  const bytes = isWhole
    ? [...files.values()].reduce((all, { sizeBytes }) => all + sizeBytes, 0)
    : sum(({ spaceFreedBytes }) => spaceFreedBytes);
  const errors = results.flatMap((result) => result.errors);
  for (const { path, sizeBytes } of files.values()) {
    if (terminal.json) terminal.object({ type: 'file', ...pathText(path), sizeBytes });
    else if (last.dryRun || terminal.verbose > 0) terminal.out(displayPath(path));
  }
  for (const { message, remedy } of errors) terminal.warn(`wherry: ${message} ${remedy}`);
  const did = last.dryRun ? 'would be deleted' : 'deleted';
  const kept = keptReasons.flatMap((reason) =>
    last.kept[reason] === 0 ? [] : [`${grouped(last.kept[reason])} ${keptWords[reason]}`],
  );
  const stay = kept.length === 0 ? '' : `; ${last.dryRun ? 'would stay' : 'stayed'}: ${kept.join(', ')}`;
  terminal.say(`${counted(deleted, 'file')} ${did}, ${formatSize(bytes)}${stay}.`);
  const codes = new Set(errors.map((error) => faultFrom(error).meaning.exitCode));
  const [only] = codes;
  const exitCode = only === undefined ? 0 : codes.size === 1 ? only : 1;
  if (terminal.json) {
    const { files: _, ...said } = last;
    const filesScanned = Math.max(...results.map((result) => result.filesScanned));
    const foldersRemoved = sum((result) => result.foldersRemoved);
    const figures = { filesScanned, filesDeleted: deleted, spaceFreedBytes: bytes, errors, foldersRemoved };
    terminal.object({ type: 'summary', ...said, ...figures, exitCode });
  }
  return exitCode;
}

const nothing = { filesScanned: 0, filesDeleted: 0, spaceFreedBytes: 0, errors: [] };
