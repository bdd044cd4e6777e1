// `wherry watches`: the daemon's watches, listed, shown, added, acted on, and their rules tried on names.

import { randomUUID } from 'node:crypto';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import type { WatchView } from '../model/watch-views.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actionOf, actOnEach, idsOf } from './list-actions.ts';
import type { Terminal } from './terminal.ts';
import { placementRules, watchRequest } from './watch-request.ts';
import { alignedRows, counted, formatTime, grouped, shortName } from './words.ts';

const actions = ['ls', 'show', 'add', 'pause', 'resume', 'rm', 'test'] as const;

export async function watches({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, rest] = actionOf('watches', words, actions);
  const request = action === 'add' ? watchRequest('watches add', rest, flags) : undefined;
  const daemon = await requireDaemon(flags);
  const { client } = daemon;
  if (request !== undefined) {
    const { kind: _, ...body } = request;
    const watch = await client.call('createWatch', { body }, { idempotencyKey: randomUUID() });
    if (terminal.json) terminal.object({ type: 'watch', ...watch });
    else terminal.out(`${watch.id}: watching ${watch.source} for ${watch.destinations.join(', ')}`);
    return 0;
  }
  if (action === 'ls') return list(daemon, terminal);
  if (action === 'test') return test(daemon, rest, flags, terminal);
  if (action === 'show') return show(daemon, idsOf('watches', 'show', rest), terminal);
  return actOnEach(terminal, idsOf('watches', action, rest), async (id) => {
    const params = { id };
    if (action === 'rm') {
      await client.call('removeWatch', { params });
      return { object: { type: 'removed', id }, line: `${id}: removed; what it has copied stays` };
    }
    const watch = await client.call(action === 'pause' ? 'pauseWatch' : 'resumeWatch', { params });
    return { object: { type: 'watch', ...watch }, line: `${id}: ${watch.state}` };
  });
}

async function list({ client }: DaemonLink, terminal: Terminal): Promise<number> {
  const { rows } = await client.call('listWatches');
  if (terminal.json) {
    for (const row of rows) terminal.object({ type: 'watch', ...row });
    return 0;
  }
  if (rows.length === 0) {
    terminal.say('No folder is watched. `wherry watches add SRC DST` watches one.');
    return 0;
  }
  const lines = rows.map((row) => [
    row.id,
    stateOf(row),
    eventsOf(row),
    `${grouped(row.counts.completed)} arrived${row.counts.failed > 0 ? `, ${grouped(row.counts.failed)} failed` : ''}`,
    shortName(`${row.source} → ${row.destinations.join(', ')}`, 120),
  ]);
  for (const line of alignedRows([['ID', 'STATE', 'SEEN BY', 'FILES', 'WATCH'], ...lines])) terminal.out(line);
  return 0;
}

async function show({ client }: DaemonLink, ids: readonly string[], terminal: Terminal): Promise<number> {
  for (const id of ids) {
    const watch = await client.call('getWatch', { params: { id } });
    if (terminal.json) terminal.object({ type: 'watch', ...watch });
    else for (const line of alignedRows(details(watch))) terminal.out(line);
  }
  return 0;
}

function details(watch: WatchView): [string, string][] {
  const { status, counts, spec } = watch;
  const rows: [string, string][] = [
    ['Watch', `${watch.id}${watch.fromConfig ? ' (from the configuration)' : ''}`],
    ['From', watch.source],
    ...watch.destinations.map((place, at): [string, string] => [at === 0 ? 'To' : '', place]),
    ['State', stateOf(watch)],
    ['Arrived', `${counted(counts.completed, 'file')}, ${formatSize(counts.bytesCompleted)}`],
  ];
  if (counts.failed > 0) rows.push(['Failed', counted(counts.failed, 'file')]);
  if (status !== null) {
    const { events, lastScanAt, lastScanMs, unreadable, away } = status;
    rows.push(['In it', `${counted(status.files, 'file')}, ${grouped(status.underWay)} under way`]);
    if (lastScanAt !== null) rows.push(['Scanned', `${formatTime(lastScanAt)} (${Math.round(lastScanMs ?? 0)} ms)`]);
    rows.push(['Seen by', events === null ? eventsOf(watch) : `${eventsOf(watch)}: ${events.reason}`]);
    if (away !== null) rows.push(['Away', away]);
    for (const message of unreadable) rows.push(['Unreadable', message]);
  }
  rows.push(['After', spec.after === 'move-to' ? `move to ${displayPath(String(spec.moveTo))}` : String(spec.after)]);
  if (watch.error !== null) rows.push(['Error', watch.error.message], ['', watch.error.remedy]);
  return rows;
}

function stateOf({ state, waiting, error }: WatchView): string {
  if (waiting === null) return state;
  return `${state} (${error?.code === 'not_found' ? 'its folder' : waiting.reason})`;
}

function eventsOf({ status }: WatchView): string {
  if (status === null) return '-';
  return status.events === null ? 'testing' : status.events.inForce ? 'events' : 'scans';
}

async function test(
  { client }: DaemonLink,
  names: readonly string[],
  flags: Flags,
  terminal: Terminal,
): Promise<number> {
  if (names.length === 0) throw new Fault('invalid', 'wherry watches test needs names: --rule MATCH=TEMPLATE NAME….');
  const { rows } = await client.call('testRules', {
    body: {
      rules: placementRules(flags),
      names: [...names],
      include: flags.list('include'),
      exclude: flags.list('exclude'),
    },
  });
  if (terminal.json) for (const row of rows) terminal.object({ type: 'placement', ...row });
  else {
    const lines = rows.map(({ name, to, rule, ignored, error }) => [
      name,
      to?.path ?? ignored ?? error?.message ?? '',
      to === null ? '' : rule === null ? 'no rule' : `rule ${rule}`,
    ]);
    for (const line of alignedRows(lines)) terminal.out(line);
  }
  return rows.some(({ error }) => error !== null) ? 1 : 0;
}
