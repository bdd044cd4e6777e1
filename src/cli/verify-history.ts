// `wherry verify` of a folder that has an ASC MHL history: the chain, and each file against its newest hash.

import { existsSync } from 'node:fs';
import { Fault } from '../model/fault.ts';
import { displayPath, joinPath, pathBytes } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import { listenForInterrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';
import { counted, formatDuration, grouped } from './words.ts';

type Finding = Parameters<Parameters<Awaited<ReturnType<typeof import('../main.ts')['openHistories']>>['check']>[1]>[0];

/** Those of the absolute paths that are folders with a history. */
export async function withHistory(paths: readonly string[]): Promise<string[]> {
  const likely = paths.filter((path) => existsSync(Buffer.from(pathBytes(joinPath(path, 'ascmhl')))));
  if (likely.length === 0) return [];
  const { openHistories } = await import('../main.ts');
  const histories = await openHistories();
  try {
    const found: string[] = [];
    for (const path of likely) if (await histories.has(path)) found.push(path);
    return found;
  } finally {
    await histories.close();
  }
}

/** Resolves with the exit code: 11 where a file is changed or missing, or the history itself cannot be trusted. */
export async function verifyHistories(
  folders: readonly string[],
  { terminal, direct }: { readonly terminal: Terminal; readonly direct: boolean },
): Promise<number> {
  if (direct) {
    throw new Fault('unsupported', 'Folders with an ASC MHL history are not read with --direct; remount, then verify.');
  }
  const { openHistories } = await import('../main.ts');
  const histories = await openHistories();
  const interrupt = listenForInterrupt();
  let exitCode = 0;
  try {
    for (const folder of folders) exitCode ||= await verifyOne(folder);
    return exitCode;
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    terminal.warn('wherry: interrupted; what was not read is not verified.');
    return interrupt.exitCode;
  } finally {
    interrupt.release();
    await histories.close();
  }

  async function verifyOne(folder: string): Promise<number> {
    const startedAt = performance.now();
    const tally = { ok: 0, changed: 0, missing: 0, new: 0, unreadable: 0, bytes: 0 };
    const hear = (finding: Finding) => {
      tally[finding.verdict] += 1;
      if (finding.verdict === 'ok') tally.bytes += finding.bytes;
      tellOne(terminal, joinPath(folder, finding.path), finding);
      terminal.live([`${counted(tally.ok + tally.changed, 'file')} read again, ${formatSize(tally.bytes)} …`]);
    };
    const { generations, problems } = await histories.check(folder, hear, interrupt.signal);
    terminal.live([]);
    for (const problem of problems) {
      if (terminal.json) terminal.object({ type: 'history', problem });
      else terminal.out(`${terminal.paint('red', 'history'.padEnd(10))} ${problem}`);
    }
    const parts = [`${counted(tally.ok, 'file')} (${formatSize(tally.bytes)}) as the history says`];
    for (const verdict of ['changed', 'missing', 'unreadable'] as const) {
      if (tally[verdict] > 0) parts.push(`${grouped(tally[verdict])} ${verdict}`);
    }
    if (tally.new > 0) parts.push(`${grouped(tally.new)} not in it`);
    const chain = problems.length === 0 ? 'whole' : 'not to be trusted';
    const seconds = formatDuration((performance.now() - startedAt) / 1000);
    terminal.say(`${parts.join(', ')}; ${counted(generations, 'generation')}, the chain is ${chain}; in ${seconds}.`);
    const code = tally.changed + tally.missing + problems.length > 0 ? 11 : tally.unreadable > 0 ? 1 : 0;
    if (terminal.json) {
      const { new: added, ...rest } = tally;
      terminal.object({
        type: 'summary',
        ...pathText(folder),
        ...rest,
        new: added,
        generations,
        problems: problems.length,
        exitCode: code,
      });
    }
    return code;
  }
}

function tellOne(terminal: Terminal, path: string, { verdict, why }: Finding): void {
  if (terminal.json) {
    terminal.object({ type: 'file', verdict, ...pathText(path), ...(why === '' ? {} : { reason: why }) });
    return;
  }
  if (verdict === 'ok' && terminal.verbose === 0) return;
  const colour = verdict === 'ok' ? 'green' : verdict === 'new' ? 'dim' : 'red';
  terminal.out(`${terminal.paint(colour, verdict.padEnd(10))} ${displayPath(path)}${why === '' ? '' : `: ${why}`}`);
}
