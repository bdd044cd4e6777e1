// `wherry sync`: in this process with a ledger of its own, or by the daemon of the data folder that is named.

import { randomUUID } from 'node:crypto';
import { loadLimits } from '../config.ts';
import { displayPath } from '../model/names.ts';
import type { SyncRequest, SyncStatus } from '../model/sync-spec.ts';
import type { JobView } from '../model/views.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { planHere, tellPlan } from './copy-plan.ts';
import { copyLedgers, ownLedger } from './copy-request.ts';
import { listenForInterrupt } from './interrupt.ts';
import { alreadyRuns, seeThrough } from './see-through.ts';
import { syncRequest } from './sync-request.ts';
import type { Terminal } from './terminal.ts';
import { tellOnTerminal } from './terminal-log.ts';
import { counted } from './words.ts';

export async function sync({ words, flags, terminal }: VerbCall): Promise<number> {
  const request = syncRequest('sync', words, flags);
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  if (data !== undefined) {
    const { findDaemon } = await import('./daemon-client.ts');
    const daemon = findDaemon(data);
    if (daemon !== undefined) {
      const { client } = daemon;
      if (flags.is('dry-run')) return tellPlan(terminal, client.lines('planJob', { body: request }), { shown: true });
      const { followJob } = await import('./copy-by-daemon.ts');
      const create = () => client.call('createJob', { body: request }, { idempotencyKey: randomUUID() });
      const tell = async ({ id, error }: JobView) =>
        tellStatus(terminal, await client.call('getJobSync', { params: { id } }), error?.message);
      return followJob(daemon, create, { request, flags, terminal, tell });
    }
  }
  const limits = await loadLimits({ config: flags.text('config') });
  const folder = syncLedger(request, flags);
  const options = { dataFolder: folder, limits, ...limits.places, log: tellOnTerminal(terminal) };
  if (flags.is('dry-run')) return planHere('sync', request, options, terminal);
  const interrupt = listenForInterrupt();
  const { openCopy } = await import('../main.ts');
  const opened = await openCopy(options, request).catch(alreadyRuns('sync'));
  return seeThrough(opened, {
    ...{ what: 'sync', request, interrupt, terminal, flags },
    tell: async ({ reader }, { id, error }) => {
      const name = 'observation.sync.finished';
      const { events } = await reader.events({ jobId: id, name, before: '', limit: 1 });
      const status = events[0]?.data.status as SyncStatus | undefined;
      if (status !== undefined) tellStatus(terminal, status, error?.message);
    },
  });
}

/** The ledger that keeps the manifests of these two places where no daemon does. */
export function syncLedger({ source, destinations }: SyncRequest, flags: Flags): string {
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  const pair = { sources: [source], destination: destinations[0] ?? '', destinations };
  return ownLedger(copyLedgers(data), ['sync', source, ...destinations], pair);
}

/** `error` is said by the outcome. */
function tellStatus(
  terminal: Terminal,
  status: Pick<SyncStatus, 'deleted' | 'renamed' | 'problems'>,
  error: string | undefined,
): void {
  const { deleted, renamed, problems } = status;
  const said = [
    ...(renamed > 0 ? [`${counted(renamed, 'file')} renamed`] : []),
    ...(deleted > 0 ? [`${counted(deleted, 'file')} deleted`] : []),
  ];
  if (said.length > 0) terminal.say(`${said.join(' and ')} at the destination.`);
  for (const { path, text } of problems) {
    if (text === error) continue;
    terminal.warn(
      `${terminal.paint('yellow', 'problem')}: ${text.includes(path) ? text : `${displayPath(path)}: ${text}`}`,
    );
  }
  if (terminal.json) terminal.object({ type: 'sync', deleted, renamed, problems });
}
