// `wherry copy`: in this process with a ledger of its own, or by the daemon of the data folder that is named.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLimits, type MovingLimits } from '../config.ts';
import type { CopyRequest } from '../model/specs.ts';
import type { VerbCall } from './command-line.ts';
import { planHere } from './copy-plan.ts';
import { copyLedger, copyLedgers, copyRequest } from './copy-request.ts';
import { listenForInterrupt } from './interrupt.ts';
import { alreadyRuns, seeThrough } from './see-through.ts';
import { tellOnTerminal } from './terminal-log.ts';

export async function copy({ words, flags, terminal }: VerbCall): Promise<number> {
  const request = copyRequest(words, flags);
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  if (data !== undefined) {
    const { findDaemon } = await import('./daemon-client.ts');
    const daemon = findDaemon(data);
    if (daemon !== undefined) {
      const { copyByDaemon } = await import('./copy-by-daemon.ts');
      return copyByDaemon(daemon, request, { dryRun: flags.is('dry-run'), flags, terminal });
    }
  }
  const limits = await loadLimits({ config: flags.text('config') });
  const call: InProcess = {
    request,
    limits: withTransfers(limits, request.transfers),
    base: copyLedgers(data),
    terminal,
    flags,
  };
  return flags.is('dry-run') ? dryRun(call) : copyInProcess(call);
}

interface InProcess extends Pick<VerbCall, 'terminal' | 'flags'> {
  readonly request: CopyRequest;
  readonly limits: MovingLimits;
  readonly base: string;
}

/** Who asks for more at once than the limits allow has nobody else to be considerate of. */
function withTransfers(limits: MovingLimits, transfers: number | null | undefined): MovingLimits {
  if (transfers === null || transfers === undefined) return limits;
  const { global, perEndpoint, endpoints } = limits.slots;
  return {
    ...limits,
    slots: { global: Math.max(global, transfers), perEndpoint: Math.max(perEndpoint, transfers), endpoints },
  };
}

async function dryRun({ request, limits, terminal }: InProcess): Promise<number> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'wherry-plan-'));
  try {
    const log = tellOnTerminal(terminal);
    return await planHere('copy', request, { dataFolder, limits, ...limits.places, log }, terminal);
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

async function copyInProcess({ request, limits, base, terminal, flags }: InProcess): Promise<number> {
  const interrupt = listenForInterrupt();
  const pair = { sources: request.sources, destination: request.destination };
  const folder = copyLedger(base, pair);
  const { openCopy } = await import('../main.ts');
  const opened = await openCopy(
    { dataFolder: folder, limits, ...limits.places, log: tellOnTerminal(terminal) },
    request,
  ).catch(alreadyRuns('copy'));
  return seeThrough(opened, { what: 'copy', request, interrupt, terminal, flags });
}
