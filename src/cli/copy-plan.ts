// What a dry run says: one line for each thing that would be done, and the sum.

import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import type { Colour, Terminal } from './terminal.ts';
import { counted, grouped } from './words.ts';

export interface PlanLine {
  readonly action: 'copy' | 'make-folder' | 'skip' | 'conflict' | 'refuse' | 'delete-source';
  readonly path: string;
  readonly sizeBytes: number;
  readonly reason?: string | undefined;
}

const words: Readonly<Record<PlanLine['action'], readonly [string, Colour]>> = {
  copy: ['copy', 'green'],
  'make-folder': ['make folder', 'blue'],
  skip: ['skip', 'dim'],
  conflict: ['conflict', 'yellow'],
  refuse: ['refuse', 'red'],
  'delete-source': ['delete source', 'yellow'],
};

/** Resolves with the exit code: 1 where something would be refused. `shown` is said of paths that are display forms already. */
export async function tellPlan(
  terminal: Terminal,
  items: AsyncIterable<PlanLine>,
  options: { readonly shown?: boolean } = {},
): Promise<number> {
  const files = { copy: 0, 'make-folder': 0, skip: 0, conflict: 0, refuse: 0, 'delete-source': 0 };
  let bytes = 0;
  for await (const item of items) {
    const { action, path, sizeBytes, reason } = item;
    files[action] += 1;
    if (action === 'copy') bytes += sizeBytes;
    if (terminal.json) {
      const named = options.shown === true ? { path } : pathText(path);
      terminal.object({ type: 'plan', action, ...named, sizeBytes, ...(reason === undefined ? {} : { reason }) });
      continue;
    }
    // What is left alone is most of a second run's plan.
    if (action === 'skip' && terminal.verbose === 0) continue;
    const [word, colour] = words[action];
    const size = action === 'copy' ? `  (${formatSize(sizeBytes)})` : '';
    const why = reason === undefined ? '' : `: ${reason}`;
    terminal.out(
      `${terminal.paint(colour, word.padEnd(13))} ${options.shown === true ? path : displayPath(path)}${size}${why}`,
    );
  }
  const parts = [`${counted(files.copy, 'file')} (${formatSize(bytes)}) would be copied`];
  if (files['make-folder'] > 0) parts.push(`${counted(files['make-folder'], 'folder')} made`);
  if (files['delete-source'] > 0) parts.push(`${counted(files['delete-source'], 'file')} deleted at the source`);
  if (files.skip > 0) parts.push(`${grouped(files.skip)} left alone`);
  if (files.conflict > 0) parts.push(`${counted(files.conflict, 'conflict')}`);
  if (files.refuse > 0) parts.push(`${grouped(files.refuse)} refused`);
  terminal.say(`${parts.join(', ')}. Nothing was moved.`);
  const exitCode = files.refuse > 0 ? 1 : 0;
  if (terminal.json)
    terminal.object({
      type: 'summary',
      dryRun: true,
      files: files.copy,
      bytes,
      skipped: files.skip,
      refused: files.refuse,
      exitCode,
    });
  return exitCode;
}
