// `wherry jobs`: the daemon's jobs, listed, shown and acted on.

import { join } from 'node:path';
import type { RouteOutput } from '../api/client.ts';
import { Fault } from '../model/fault.ts';
import { jobStates } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import type { JobView } from '../model/views.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actOnEach, idsOf, listActionOf } from './list-actions.ts';
import type { Terminal } from './terminal.ts';
import { alignedRows, counted, formatEta, formatSpeed, formatTime, grouped, shortName } from './words.ts';

const pageRows = 500;

export async function jobs({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, ids] = listActionOf('jobs', words);
  const daemon = await requireDaemon(flags);
  if (action === 'ls') return list(daemon, flags, terminal);
  if (action === 'show') return show(daemon, idsOf('jobs', 'show', ids), terminal);
  const names = { pause: 'pauseJob', resume: 'resumeJob', cancel: 'cancelJob', retry: 'retryJob' } as const;
  return actOnEach(terminal, idsOf('jobs', action, ids), async (id) => {
    const job = await daemon.client.call(names[action], { params: { id } });
    return { object: { type: 'job', ...job }, line: `${id}: ${job.state}` };
  });
}

async function list({ client }: DaemonLink, flags: Flags, terminal: Terminal): Promise<number> {
  const most = flags.number('limit', 0, 1_000_000) ?? 50;
  const states = flags.list('state').flatMap((state) => state.split(','));
  const strange = states.find((state) => !jobStates.some((known) => known === state));
  if (strange !== undefined)
    throw new Fault('invalid', `--state takes ${jobStates.join(', ')}; "${displayPath(strange)}" is none of them.`);
  let left = most === 0 ? Number.POSITIVE_INFINITY : most;
  let cursor: string | undefined;
  let first = true;
  do {
    const page: RouteOutput<'listJobs'> = await client.call('listJobs', {
      query: {
        limit: Math.min(pageRows, left),
        ...(states.length === 0 ? {} : { state: states as JobView['state'][] }),
        ...(cursor === undefined ? {} : { cursor }),
      },
    });
    left -= page.rows.length;
    cursor = page.nextCursor ?? undefined;
    if (terminal.json) for (const row of page.rows) terminal.object({ type: 'job', ...row });
    else {
      const rows = page.rows.map((row) => [row.id, row.kind, statusOf(row), amountOf(row), shortName(row.name, 100)]);
      for (const line of alignedRows(first ? [['ID', 'KIND', 'STATE', 'FILES', 'NAME'], ...rows] : rows))
        terminal.out(line);
    }
    first = false;
  } while (cursor !== undefined && left > 0);
  return 0;
}

async function show({ client, logFolder }: DaemonLink, ids: readonly string[], terminal: Terminal): Promise<number> {
  for (const id of ids) {
    const job = await client.call('getJob', { params: { id } });
    const logFile = join(logFolder, 'jobs', `${job.id}.log`);
    if (terminal.json) {
      terminal.object({ type: 'job', ...job, logFile });
      continue;
    }
    const { counts, progress } = job;
    const rows: [string, string][] = [
      ['Job', job.id],
      ['Kind', job.kind],
      ...job.sources.map((source, at): [string, string] => [at === 0 ? 'From' : '', source]),
      ...job.destinations.map((destination, at): [string, string] => [at === 0 ? 'To' : '', destination]),
      ['State', statusOf(job)],
      ['Arrived', `${counted(counts.completed, 'file')}, ${formatSize(counts.bytesCompleted)}`],
    ];
    if (counts.skipped > 0) rows.push(['Unchanged', counted(counts.skipped, 'file')]);
    if (counts.failed > 0) rows.push(['Failed', counted(counts.failed, 'file')]);
    if (counts.cancelled > 0) rows.push(['Cancelled', counted(counts.cancelled, 'file')]);
    if (progress !== null) {
      rows.push([
        'Now',
        `${formatSize(progress.bytesDone)} of ${formatSize(progress.bytesFound)}, ${formatSpeed(progress.bytesPerSecond)}`,
      ]);
      if (progress.eta !== null) {
        const { fromSeconds, toSeconds, cause } = progress.eta;
        rows.push(['Left', formatEta({ from: fromSeconds, to: toSeconds, cause })]);
      }
    }
    if (job.error !== null) rows.push(['Error', job.error.message], ['', job.error.remedy]);
    rows.push(['Began', formatTime(job.startedAt ?? job.createdAt)]);
    if (job.finishedAt !== null) rows.push(['Ended', formatTime(job.finishedAt)]);
    rows.push(['Log', logFile]);
    for (const line of alignedRows(rows)) terminal.out(line);
  }
  return 0;
}

function statusOf({ state, waiting }: JobView): string {
  return waiting === null ? state : `${state} (${waiting.reason})`;
}

function amountOf({ counts }: JobView): string {
  const { completed, skipped, failed } = counts;
  return [
    `${grouped(completed)} arrived`,
    skipped > 0 ? `${grouped(skipped)} unchanged` : '',
    failed > 0 ? `${grouped(failed)} failed` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
