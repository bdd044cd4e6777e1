// What a sync would do, item by item; looks at both places and writes nothing.

import { asFault } from '../../model/fault.ts';
import { folderPairs } from '../../model/folder-pairs.ts';
import { joinPath } from '../../model/names.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import type { PlannedItem } from '../engine.ts';
import type { ModeParts } from '../mode.ts';
import { requireWay } from '../require-way.ts';
import { createSelection } from '../selection.ts';
import { createDerivedRegister } from './derived.ts';
import { refusal } from './finish-sync.ts';
import { readKnownTree } from './known-tree.ts';
import { destinationPath, type LegFindings } from './leg.ts';
import { surveyLeg } from './survey-leg.ts';
import { listTree } from './tree-listing.ts';

/** Paths of what is deleted or renamed are below the destination's root, others below the source's. */
export async function* planSync(spec: SyncSpec, parts: ModeParts, signal: AbortSignal): AsyncGenerator<PlannedItem> {
  const source = await parts.open(spec.source);
  for (const address of spec.destinations) {
    await requireWay(spec.transport, source, await parts.open(address), { signal });
  }
  const selection = createSelection(spec.include, spec.exclude);
  const isDerived = createDerivedRegister(parts.reader);
  const all: LegFindings[] = [];
  let isWhole = true;
  for (const pair of folderPairs(spec)) {
    try {
      const listing = await listTree(source, pair.from, selection, { signal });
      for (const address of spec.destinations) {
        const destination = await parts.open(address);
        const key = { source: spec.source, destination: address, ...pair };
        const known = await readKnownTree(parts.reader, key);
        const leg = { key, source, destination };
        const findings = await surveyLeg(leg, listing, known, spec, selection, { ...parts, isDerived }, signal);
        yield* itemsOf(findings);
        all.push(findings);
      }
      if (listing.fault !== null) throw listing.fault;
    } catch (error) {
      signal.throwIfAborted();
      const fault = asFault(error);
      // Of a place that is away nothing can be planned.
      if (spec.folders.length === 0 && all.length === 0) throw fault;
      isWhole = false;
      yield { action: 'refuse', path: pair.from, sizeBytes: 0, reason: fault.message };
    }
  }
  if (!spec.delete) return;
  if (!isWhole) {
    yield { action: 'problem', path: '', sizeBytes: 0, reason: 'A folder could not be listed; nothing is deleted.' };
    return;
  }
  const why = refusal(spec, all);
  if (why !== undefined) yield { action: 'problem', path: '', sizeBytes: 0, reason: why };
  for (const { leg, deletes } of all) {
    for (const { path, entry } of deletes) {
      yield {
        action: 'delete',
        path: destinationPath(leg, path),
        sizeBytes: entry.sizeBytes,
        reason: why === undefined ? 'is not in the source' : 'is not in the source, and stays',
      };
    }
  }
}

function* itemsOf(findings: LegFindings): Generator<PlannedItem> {
  const { leg } = findings;
  for (const folder of findings.folders) {
    if (!folder.there) yield { action: 'make-folder', path: folder.path, sizeBytes: 0 };
  }
  for (const { from, path, entry } of findings.renames) {
    const [old, fresh] = [destinationPath(leg, from), destinationPath(leg, path)];
    yield { action: 'rename', path: old, to: fresh, sizeBytes: entry.sizeBytes };
  }
  for (const { path, found } of findings.copies) {
    const { sizeBytes } = found.entry;
    const from = joinPath(leg.key.from, path);
    if (found.existing === null) yield { action: 'copy', path: from, sizeBytes };
    else yield { action: 'copy', path: from, sizeBytes, reason: 'differs from what is there' };
  }
  for (const { found, reason } of findings.skipped) {
    yield { action: 'skip', path: found.entry.path, sizeBytes: found.entry.sizeBytes, reason };
  }
  for (const { found, fault } of findings.refused) {
    yield { action: 'refuse', path: found.entry.path, sizeBytes: found.entry.sizeBytes, reason: fault.message };
  }
}
