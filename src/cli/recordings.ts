// `wherry recordings`: what became of the files that came home, listed and shown with their custody.

import type { RouteOutput } from '../api/client.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { idsOf } from './list-actions.ts';
import type { Terminal } from './terminal.ts';
import { alignedRows, formatTime, shortName } from './words.ts';

const pageRows = 500;

export async function recordings({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action = 'ls', ...rest] = words;
  if (action !== 'ls' && action !== 'show') {
    throw new Fault('invalid', `wherry recordings has no action "${displayPath(action)}". It takes ls, show.`);
  }
  const daemon = await requireDaemon(flags);
  if (action === 'ls') return list(daemon, flags, terminal);
  for (const id of idsOf('recordings', 'show', rest)) await show(daemon, id, terminal);
  return 0;
}

async function list({ client }: DaemonLink, flags: Flags, terminal: Terminal): Promise<number> {
  const most = flags.number('limit', 0, 1_000_000) ?? 50;
  const [key, device, job, search] = ['key', 'device', 'job', 'search'].map((name) => flags.text(name));
  let left = most === 0 ? Number.POSITIVE_INFINITY : most;
  let cursor: string | undefined;
  let first = true;
  do {
    const page: RouteOutput<'listRecordings'> = await client.call('listRecordings', {
      query: {
        limit: Math.min(pageRows, left),
        ...(key === undefined ? {} : { associateWith: key }),
        ...(device === undefined ? {} : { device }),
        ...(job === undefined ? {} : { job }),
        ...(search === undefined ? {} : { search }),
        ...(cursor === undefined ? {} : { cursor }),
      },
    });
    left -= page.rows.length;
    cursor = page.nextCursor ?? undefined;
    if (terminal.json) for (const row of page.rows) terminal.object({ type: 'recording', ...row });
    else {
      const rows = page.rows.map((row) => [
        row.id,
        formatTime(row.createdAt),
        formatSize(row.original.sizeBytes),
        row.files.map(({ role }) => role).join(', ') || '-',
        row.associateWith === null ? '-' : displayPath(row.associateWith),
        shortName(row.original.path, 100),
      ]);
      const heading = ['ID', 'TIME', 'SIZE', 'MADE OF IT', 'KEY', 'ORIGINAL'];
      for (const line of alignedRows(first ? [heading, ...rows] : rows)) terminal.out(line);
    }
    first = false;
  } while (cursor !== undefined && left > 0);
  return 0;
}

async function show({ client }: DaemonLink, id: string, terminal: Terminal): Promise<void> {
  const recording = await client.call('getRecording', { params: { id } });
  if (terminal.json) return terminal.object({ type: 'recording', ...recording });
  const { original, device, associateWith, custody, passedOver } = recording;
  const rows: [string, string][] = [
    ['Recording', recording.id],
    ['Original', original.path],
    ['Size', formatSize(original.sizeBytes)],
    ['From', `${original.source.endpoint}${original.source.path}`],
  ];
  if (device !== null) rows.push(['Device', `${device.name} (${device.kind}, ${device.id})`]);
  if (associateWith !== null) rows.push(['Key', displayPath(associateWith)]);
  for (const { step, why } of passedOver) rows.push(['Passed over', `${step}: ${why}`]);
  for (const line of alignedRows(rows)) terminal.out(line);
  terminal.out('');
  for (const link of custody) {
    const from = link.parent === null ? '' : ` from ${link.parent}`;
    terminal.out(`  ${formatTime(link.at)}  ${link.role}${from}: ${link.path}`);
    terminal.out(`      ${link.hash.algorithm} ${link.hash.value}, by ${link.by}`);
  }
}
