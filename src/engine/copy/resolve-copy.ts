// Reads what a copy was asked for: which trees and files go where, and whether that makes sense at all.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import { baseName, collisionKey, displayPath, parentPath } from '../../model/names.ts';
import type { CopySpec } from '../../model/specs.ts';
import type { Inspected } from '../compare-operations.ts';
import type { ModeParts } from '../mode.ts';

/** One source, and where it goes. */
export interface CopySource {
  /** Address of the folder that the paths are below. */
  readonly root: string;
  /** Below `root`: the file's name, '' for a folder whose contents are copied. */
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** Below the destination's root: the file's name, '' for a folder. */
  readonly destination: string;
  /** Where the source's folder lies below the destination's root; null where it does not. Nothing may be copied over it. */
  readonly inside: string | null;
  /** As it was named. */
  readonly given: string;
}

export interface ResolvedCopy {
  readonly sources: readonly CopySource[];
  /** Address. */
  readonly destination: string;
  readonly destinationThere: boolean;
}

interface Looked extends Inspected {
  readonly address: string;
  readonly given: string;
  readonly isLocal: boolean;
}

/** Rejects with `not_found` (a source), `invalid` (onto itself, into its own subfolder), `exists` (a file where a folder is needed, two sources of one name). */
export async function resolveCopy(spec: CopySpec, parts: ModeParts, signal?: AbortSignal): Promise<ResolvedCopy> {
  const sources: Looked[] = [];
  const toLocal = localPath(spec.destination);
  const fromLocal = localPath(spec.sources[0] ?? '');
  if (fromLocal !== undefined && toLocal !== undefined) openAhead([...spec.sources, spec.destination], parts);
  for (const given of spec.sources) {
    const looked = await look(given, toLocal === undefined ? undefined : { destination: toLocal }, parts, signal);
    if (looked.kind === 'missing') {
      throw new Fault('not_found', `${displayPath(given)} is not there.`, { place: { path: displayPath(given) } });
    }
    if (looked.kind === 'other') {
      throw new Fault('unsupported', `${displayPath(given)} is neither a file nor a folder.`);
    }
    sources.push(looked);
  }
  const pair = fromLocal === undefined ? undefined : { source: fromLocal };
  const target = await look(spec.destination, pair, parts, signal);
  if (target.blockedBy !== null) throw needsFolder(target.blockedBy);
  if (target.kind === 'other')
    throw new Fault('exists', `${displayPath(spec.destination)} is neither a file nor a folder.`);
  const [only] = sources;
  const intoFolder =
    target.kind === 'folder' ||
    (target.kind === 'missing' &&
      (sources.length > 1 ||
        only?.kind === 'folder' ||
        spec.destination.endsWith('/') ||
        parseEndpoint(target.address).path === ''));
  if (!intoFolder && (sources.length > 1 || only?.kind !== 'file' || spec.destination.endsWith('/'))) {
    throw needsFolder(spec.destination);
  }
  const destination = intoFolder ? target.address : parentAddress(target.address);
  const resolved: CopySource[] = [];
  for (const source of sources) {
    const name = intoFolder ? nameOf(source.address) : nameOf(target.address);
    if (source.kind === 'folder') refuseIntoItself(source, target);
    else
      refuseOntoItself(
        source,
        await look(intoFolder ? childAddress(target.address, name) : target.address, pair, parts, signal),
      );
    resolved.push(asSource(source, name, target));
  }
  refuseSameNames(resolved);
  return { sources: resolved, destination, destinationThere: target.kind === 'folder' || !intoFolder };
}

function addressOf(given: string): string {
  return formatEndpoint(parseEndpoint(given, process.cwd()));
}

function localPath(given: string): string | undefined {
  const { scheme, path } = parseEndpoint(given, process.cwd());
  return scheme === 'file' ? path : undefined;
}

/** Places are opened beside the first look at them: threads that start at the same time cost no more time than one. */
function openAhead(places: readonly string[], parts: ModeParts): void {
  for (const place of places) parts.open(addressOf(place)).catch(() => undefined);
}

/** `pair` is the local place at the other end: what is looked at for a copy is looked at by the workers that then copy. */
async function look(
  given: string,
  pair: { readonly source: string } | { readonly destination: string } | undefined,
  parts: ModeParts,
  signal: AbortSignal | undefined,
): Promise<Looked> {
  const address = addressOf(given);
  const { scheme, path } = parseEndpoint(address);
  if (scheme === 'file') {
    const isDestination = pair !== undefined && 'source' in pair;
    const pool =
      pair === undefined
        ? parts.mounts.pool(path)
        : 'source' in pair
          ? parts.mounts.pool(pair.source, path)
          : parts.mounts.pool(path, pair.destination);
    const inspected = await pool.run<Inspected>(
      'engine.inspect',
      { path, isDestination },
      { quick: true, ...(signal === undefined ? {} : { signal }) },
    );
    return { ...inspected, address, given, isLocal: true };
  }
  const lineage = ancestors(address);
  if (path === '')
    return { kind: 'folder', realPath: address, lineage, blockedBy: null, address, given, isLocal: false };
  const above = await parts.open(parentAddress(address));
  const entry = await above.stat(baseName(path), signal === undefined ? {} : { signal });
  const kind =
    entry === undefined ? 'missing' : entry.kind === 'file' || entry.kind === 'folder' ? entry.kind : 'other';
  return { kind, realPath: address, lineage, blockedBy: null, address, given, isLocal: false };
}

/** Addresses stand for themselves where there are no inodes. */
function ancestors(address: string): string[] {
  const found = [address];
  for (let at = address; parseEndpoint(at).path !== ''; ) {
    at = parentAddress(at);
    found.push(at);
  }
  return found;
}

function parentAddress(address: string): string {
  const parsed = parseEndpoint(address);
  if (parsed.scheme === 'file') return parentPath(parsed.path) === '' ? '/' : parentPath(parsed.path);
  return formatEndpoint({ ...parsed, path: parentPath(parsed.path) });
}

function childAddress(address: string, name: string): string {
  const parsed = parseEndpoint(address);
  return formatEndpoint({
    ...parsed,
    path: parsed.path === '' || parsed.path === '/' ? `${parsed.path}${name}` : `${parsed.path}/${name}`,
  });
}

function nameOf(address: string): string {
  return baseName(parseEndpoint(address).path);
}

function asSource(source: Looked, name: string, target: Looked): CopySource {
  const { given } = source;
  if (source.kind === 'folder') {
    return {
      root: source.address,
      path: '',
      kind: 'folder',
      destination: '',
      inside: below(source.realPath, target),
      given,
    };
  }
  const real = source.isLocal ? source.realPath : source.address;
  return { root: parentAddress(real), path: nameOf(real), kind: 'file', destination: name, inside: null, given };
}

/** Where a path lies below the target, '' excluded; null where it does not. */
function below(path: string, target: Looked): string | null {
  const top = target.realPath.endsWith('/') ? target.realPath : `${target.realPath}/`;
  return target.kind === 'folder' && path.startsWith(top) && path.length > top.length ? path.slice(top.length) : null;
}

function refuseIntoItself(source: Looked, target: Looked): void {
  const [own] = source.lineage;
  if (own === undefined || source.isLocal !== target.isLocal || !target.lineage.includes(own)) return;
  if (target.kind === 'folder' && target.lineage[0] === own) {
    throw new Fault(
      'invalid',
      `${displayPath(source.given)} and ${displayPath(target.given)} are the same folder; it cannot be copied onto itself.`,
    );
  }
  throw new Fault(
    'invalid',
    `${displayPath(target.given)} lies inside ${displayPath(source.given)}; a folder cannot be copied into its own subfolder.`,
  );
}

function refuseOntoItself(source: Looked, final: Looked): void {
  if (final.kind === 'file' && final.isLocal === source.isLocal && final.lineage[0] === source.lineage[0]) {
    throw new Fault(
      'invalid',
      `${displayPath(source.given)} and ${displayPath(final.address)} are the same file; it cannot be copied onto itself.`,
    );
  }
}

function refuseSameNames(sources: readonly CopySource[]): void {
  const seen = new Map<string, CopySource>();
  for (const source of sources) {
    const key = `${source.kind === 'folder' ? `${source.root}\n` : ''}${collisionKey(source.destination)}`;
    const other = seen.get(key);
    if (other !== undefined) {
      throw new Fault(
        'exists',
        `${displayPath(other.given)} and ${displayPath(source.given)} would both become ${displayPath(source.destination === '' ? 'the same tree' : source.destination)}.`,
      );
    }
    seen.set(key, source);
  }
}

function needsFolder(path: string): Fault {
  return new Fault('exists', `${displayPath(path)} is a file, and a folder is needed there.`, {
    place: { path: displayPath(path) },
  });
}
