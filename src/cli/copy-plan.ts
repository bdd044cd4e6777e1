// What a dry run says: one line for each thing that would be done, and the sum.

import type { JobRequest, WherryOptions } from '../main.ts';
import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import type { PlannedItemView } from '../model/views.ts';
import { listenForInterrupt } from './interrupt.ts';
import { alreadyRuns } from './see-through.ts';
import type { Colour, Terminal } from './terminal.ts';
import { counted, grouped } from './words.ts';

export interface PlanLine {
  readonly action: PlannedItemView['action'];
  readonly path: string;
  readonly sizeBytes: number;
  readonly reason?: string | undefined;
  /** Of a rename. */
  readonly to?: string | { readonly path: string } | undefined;
}

const words: Readonly<Record<PlanLine['action'], readonly [string, Colour]>> = {
  copy: ['copy', 'green'],
  'make-folder': ['make folder', 'blue'],
  skip: ['skip', 'dim'],
  conflict: ['conflict', 'yellow'],
  refuse: ['refuse', 'red'],
  'delete-source': ['delete source', 'yellow'],
  delete: ['delete', 'yellow'],
  rename: ['rename', 'blue'],
  problem: ['problem', 'red'],
};

/** A dry run in this process, with what the ledger of `options` knows. Resolves with the exit code. */
export async function planHere(
  what: 'copy' | 'sync',
  request: JobRequest,
  options: WherryOptions,
  terminal: Terminal,
): Promise<number> {
  const { openForReading } = await import('../main.ts');
  const interrupt = listenForInterrupt();
  try {
    const wherry = await openForReading(options).catch(alreadyRuns(what));
    try {
      return await tellPlan(terminal, wherry.plan(request, interrupt.signal));
    } finally {
      await wherry.close();
    }
  } catch (error) {
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    throw error;
  } finally {
    interrupt.release();
  }
}

/** Resolves with the exit code: 1 where something would be refused. `shown` is said of paths that are display forms already. */
export async function tellPlan(
  terminal: Terminal,
  items: AsyncIterable<PlanLine>,
  options: { readonly shown?: boolean } = {},
): Promise<number> {
  const files: Record<PlanLine['action'], number> = {
    ...{ copy: 0, 'make-folder': 0, skip: 0, conflict: 0, refuse: 0 },
    ...{ 'delete-source': 0, delete: 0, rename: 0, problem: 0 },
  };
  let bytes = 0;
  for await (const item of items) {
    const { action, path, sizeBytes, reason, to } = item;
    files[action] += 1;
    if (action === 'copy') bytes += sizeBytes;
    if (terminal.json) {
      const named = options.shown === true ? { path } : pathText(path);
      const renamed = to === undefined ? {} : { to: typeof to === 'string' ? pathText(to) : to };
      terminal.object({
        ...{ type: 'plan', action, ...named, sizeBytes, ...renamed },
        ...(reason === undefined ? {} : { reason }),
      });
      continue;
    }
    // What is left alone is most of a second run's plan.
    if (action === 'skip' && terminal.verbose === 0) continue;
    const [word, colour] = words[action];
    const size = action === 'copy' ? `  (${formatSize(sizeBytes)})` : '';
    const why = reason === undefined ? '' : `: ${reason}`;
    const shown = options.shown === true ? path : displayPath(path);
    const fresh = to === undefined ? '' : ` → ${typeof to === 'string' ? displayPath(to) : to.path}`;
    terminal.out(`${terminal.paint(colour, word.padEnd(13))} ${shown}${fresh}${size}${why}`);
  }
  const parts = [`${counted(files.copy, 'file')} (${formatSize(bytes)}) would be copied`];
  if (files['make-folder'] > 0) parts.push(`${counted(files['make-folder'], 'folder')} made`);
  if (files['delete-source'] > 0) parts.push(`${counted(files['delete-source'], 'file')} deleted at the source`);
  if (files.rename > 0) parts.push(`${grouped(files.rename)} renamed`);
  if (files.delete > 0) parts.push(`${counted(files.delete, 'file')} deleted at the destination`);
  if (files.skip > 0) parts.push(`${grouped(files.skip)} left alone`);
  if (files.conflict > 0) parts.push(`${counted(files.conflict, 'conflict')}`);
  if (files.refuse > 0) parts.push(`${grouped(files.refuse)} refused`);
  terminal.say(`${parts.join(', ')}. Nothing was moved.`);
  const exitCode = files.refuse + files.problem > 0 ? 1 : 0;
  if (terminal.json)
    terminal.object({
      type: 'summary',
      dryRun: true,
      files: files.copy,
      bytes,
      skipped: files.skip,
      refused: files.refuse,
      ...(files.delete > 0 ? { deleted: files.delete } : {}),
      ...(files.rename > 0 ? { renamed: files.rename } : {}),
      exitCode,
    });
  return exitCode;
}
