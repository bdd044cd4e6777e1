// `wherry syncs`: the daemon's syncs, listed, shown, added, begun, planned and removed.

import { randomUUID } from 'node:crypto';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { SyncDefinitionRequest } from '../model/sync-spec.ts';
import type { SyncView } from '../model/sync-views.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { tellPlan } from './copy-plan.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { hours } from './hours.ts';
import { actionOf, actOnEach, idsOf } from './list-actions.ts';
import { syncRequest } from './sync-request.ts';
import type { Terminal } from './terminal.ts';
import { alignedRows, counted, formatTime, shortName } from './words.ts';

const actions = ['ls', 'show', 'add', 'run', 'plan', 'enable', 'disable', 'clear', 'rm'] as const;

export async function syncs({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, rest] = actionOf('syncs', words, actions);
  const body = action === 'add' ? definitionOf(rest, flags) : undefined;
  const daemon = await requireDaemon(flags);
  const { client } = daemon;
  const idOf = async (given: string): Promise<string> => findSync(daemon, given).then(({ id }) => id);
  if (body !== undefined) {
    const made = await client.call('createSync', { body }, { idempotencyKey: randomUUID() });
    if (terminal.json) terminal.object({ type: 'sync', ...made });
    else terminal.out(`${made.id}: ${made.name}, ${scheduleOf(made)}`);
    return 0;
  }
  if (action === 'ls') return list(daemon, terminal);
  const ids = idsOf('syncs', action, rest);
  if (action === 'run' || action === 'plan') {
    const [only = '', ...others] = ids;
    if (others.length > 0) throw new Fault('invalid', `wherry syncs ${action} takes one at a time.`);
    const params = { id: await idOf(only) };
    if (action === 'plan') return tellPlan(terminal, client.lines('planSync', { params }), { shown: true });
    const { followJob } = await import('./copy-by-daemon.ts');
    const create = () => client.call('runSync', { params }, { idempotencyKey: randomUUID() });
    return followJob(daemon, create, { request: {}, flags, terminal });
  }
  if (action === 'show') {
    for (const given of ids) {
      const found = await findSync(daemon, given);
      if (terminal.json) terminal.object({ type: 'sync', ...found });
      else for (const line of alignedRows(details(found))) terminal.out(line);
    }
    return 0;
  }
  return actOnEach(terminal, ids, async (given) => {
    const found = await findSync(daemon, given);
    const params = { id: found.id };
    switch (action) {
      case 'rm':
        await client.call('removeSync', { params });
        return { object: { type: 'removed', id: found.id }, line: `${found.name}: removed; what it has copied stays` };
      case 'clear': {
        const { files } = await client.call('clearSyncManifest', { params });
        return {
          object: { type: 'cleared', id: found.id, files },
          line: `${found.name}: ${counted(files, 'file')} forgotten; the next run checks everything`,
        };
      }
      default: {
        const changed = { ...found.spec, enabled: action === 'enable' } as SyncDefinitionRequest;
        const sync = await client.call('editSync', { params, body: changed });
        return { object: { type: 'sync', ...sync }, line: `${sync.name}: ${scheduleOf(sync)}` };
      }
    }
  });
}

/** By id or name. */
export async function findSync({ client }: DaemonLink, given: string): Promise<SyncView> {
  const { rows } = await client.call('listSyncs');
  const found = rows.find(({ id }) => id === given) ?? rows.find(({ name }) => name === given);
  if (found !== undefined) return found;
  throw new Fault('not_found', `There is no sync ${displayPath(given)}. \`wherry syncs\` lists them.`);
}

function definitionOf(words: readonly string[], flags: Flags): SyncDefinitionRequest {
  const [name, ...places] = words;
  if (name === undefined || places.length < 2) {
    throw new Fault('invalid', 'wherry syncs add needs a name, a source and a destination: NAME SRC DST.');
  }
  const { kind: _, ...wishes } = syncRequest('syncs add NAME', places, flags);
  const cron = flags.text('cron');
  const every = flags.text('every');
  const timezone = flags.text('timezone');
  if (cron !== undefined && every !== undefined) {
    throw new Fault('invalid', 'A sync has one schedule: --cron or --every.');
  }
  return {
    name,
    ...wishes,
    ...(cron === undefined ? {} : { schedule: { cron, ...(timezone === undefined ? {} : { timezone }) } }),
    ...(every === undefined ? {} : { schedule: { everyMinutes: hours('every', every) * 60 } }),
  };
}

async function list({ client }: DaemonLink, terminal: Terminal): Promise<number> {
  const { rows } = await client.call('listSyncs');
  if (terminal.json) {
    for (const row of rows) terminal.object({ type: 'sync', ...row });
    return 0;
  }
  if (rows.length === 0) {
    terminal.say('No sync is kept. `wherry syncs add NAME SRC DST` keeps one.');
    return 0;
  }
  const lines = rows.map((row) => [
    row.id,
    shortName(row.name, 40),
    row.lastRun?.state ?? '-',
    row.nextAt === null ? scheduleOf(row) : formatTime(row.nextAt),
    shortName(`${row.source} → ${row.destinations.join(', ')}`, 100),
  ]);
  for (const line of alignedRows([['ID', 'NAME', 'LAST', 'NEXT', 'SYNC'], ...lines])) terminal.out(line);
  return 0;
}

function details(sync: SyncView): [string, string][] {
  const rows: [string, string][] = [
    ['Sync', `${sync.name} (${sync.id}${sync.fromConfig ? ', from the configuration' : ''})`],
    ['From', sync.source],
    ...sync.destinations.map((place, at): [string, string] => [at === 0 ? 'To' : '', place]),
    ['Runs', scheduleOf(sync)],
  ];
  if (sync.nextAt !== null) rows.push(['Next', formatTime(sync.nextAt)]);
  if (sync.lastRun !== null) {
    rows.push([
      'Last',
      `${sync.lastRun.state ?? 'forgotten'}, ${formatTime(sync.lastRun.at)} (job ${sync.lastRun.jobId})`,
    ]);
  }
  if (sync.skipped !== null) rows.push(['Skipped', `${formatTime(sync.skipped.at)}: ${sync.skipped.reason}`]);
  return rows;
}

function scheduleOf({ schedule, enabled }: Pick<SyncView, 'schedule' | 'enabled'>): string {
  if (schedule === null) return 'when it is started';
  const when =
    'cron' in schedule
      ? `by "${schedule.cron}"${schedule.timezone === null ? '' : ` in ${schedule.timezone}`}`
      : `every ${schedule.everyMinutes} min`;
  return enabled ? when : `${when} (rests)`;
}
