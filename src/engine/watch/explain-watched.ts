// Why a file of a watched folder is not taken, or not yet: in one sentence for people.

import { displayPath } from '../../model/names.ts';
import { formatSize } from '../../model/size.ts';
import type { WatchSpec } from '../../model/specs.ts';
import { createSelection } from '../selection.ts';
import { markerPath } from './bundle.ts';
import { growthRate } from './observation.ts';
import type { TrackedFile } from './tracker.ts';

/** Why a watch never takes this path (relative to its source); undefined where its rules let it in. */
export function whyIgnored(
  path: string,
  spec: { readonly include: readonly string[]; readonly exclude: readonly string[] },
): string | undefined {
  const parts = path.split('/');
  const hidden = parts.findIndex((part) => part.startsWith('.'));
  if (hidden >= 0) {
    const what = hidden === parts.length - 1 ? 'its name' : `its folder ${displayPath(parts[hidden] ?? '')}`;
    return `ignored: ${what} begins with a dot`;
  }
  if (createSelection(spec.include, spec.exclude).takes(path)) return undefined;
  const excluding = spec.exclude.find((glob) => !createSelection([], [glob]).takes(path));
  if (excluding !== undefined) return `ignored by exclude '${displayPath(excluding)}'`;
  if (spec.include.length === 0) return 'ignored: it is an unfinished copy';
  return `ignored: no include matches it (${spec.include.map((glob) => `'${displayPath(glob)}'`).join(', ')})`;
}

/** What a file that has been seen still waits for; undefined once its copy is the engine's affair. */
export function whyNotYet(
  one: TrackedFile,
  spec: WatchSpec,
  now: { readonly at: number; readonly bytesDone: number | undefined },
): string | undefined {
  const seen = one.observation;
  if (seen === undefined)
    return one.stage === 'let' ? undefined : 'seen before the daemon was started; about to be looked at again';
  if (one.growing) {
    if (seen.verdict !== 'growing') return undefined;
    const rate = growthRate(seen);
    const speed = rate === null || rate <= 0 ? '' : ` at ${formatSize(rate)}/s`;
    const behind =
      now.bytesDone === undefined
        ? ''
        : `, ${formatSize(Math.max(0, seen.last.sizeBytes - now.bytesDone))} behind the writer`;
    return `seen, still growing${speed}${behind}`;
  }
  if (one.stage === 'let')
    return one.transfers.length === 0 ? 'stable; in line with the small files that came with it' : undefined;
  const left = (wholeMs: number) => Math.max(0, Math.ceil((seen.changedAt + wholeMs - now.at) / 1000));
  switch (seen.verdict) {
    case 'empty':
      return `seen, but empty: waits until it grows, or has stayed empty for ${spec.emptySeconds} s (${left(spec.emptySeconds * 1000)} s left)`;
    case 'growing':
      return 'seen, still growing';
    case 'unstable':
      if (seen.last.writerOpen === true) return 'seen; a program still has it open for writing';
      return `waits until it has not changed for ${spec.stableSeconds} s (${left(spec.stableSeconds * 1000)} s left)`;
    case 'stable':
      if (spec.doneMarker !== null)
        return `stable; waits for its marker ${displayPath(markerPath(one.path, spec.doneMarker))}`;
      return one.stage === 'held' || spec.bundle !== null ? 'stable; waits for the rest of its set' : undefined;
  }
}
