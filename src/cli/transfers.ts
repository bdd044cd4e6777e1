// `wherry transfers`: the daemon's transfers, listed, shown and acted on.

import type { RouteOutput } from '../api/client.ts';
import { Fault } from '../model/fault.ts';
import { displayPath, joinPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import { transferStates } from '../model/transfer.ts';
import type { TransferView } from '../model/views.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actOnEach, idsOf, listActionOf } from './list-actions.ts';
import type { Terminal } from './terminal.ts';
import { alignedRows, formatEta, formatSpeed, formatTime, shortName } from './words.ts';

const pageRows = 500;

export async function transfers({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, ids] = listActionOf('transfers', words);
  const daemon = await requireDaemon(flags);
  if (action === 'ls') return list(daemon, flags, terminal);
  if (action === 'show') return show(daemon, idsOf('transfers', 'show', ids), terminal);
  const names = {
    pause: 'pauseTransfer',
    resume: 'resumeTransfer',
    cancel: 'cancelTransfer',
    retry: 'retryTransfer',
  } as const;
  return actOnEach(terminal, idsOf('transfers', action, ids), async (id) => {
    const transfer = await daemon.client.call(names[action], { params: { id } });
    return { object: { type: 'transfer', ...transfer }, line: `${id}: ${transfer.state}` };
  });
}

async function list({ client }: DaemonLink, flags: Flags, terminal: Terminal): Promise<number> {
  const most = flags.number('limit', 0, 1_000_000) ?? 50;
  const states = flags.list('state').flatMap((state) => state.split(','));
  const strange = states.find((state) => !transferStates.some((known) => known === state));
  if (strange !== undefined)
    throw new Fault(
      'invalid',
      `--state takes ${transferStates.join(', ')}; "${displayPath(strange)}" is none of them.`,
    );
  let left = most === 0 ? Number.POSITIVE_INFINITY : most;
  let cursor: string | undefined;
  let first = true;
  do {
    const page: RouteOutput<'listTransfers'> = await client.call('listTransfers', {
      query: {
        limit: Math.min(pageRows, left),
        ...(states.length === 0 ? {} : { state: states as TransferView['state'][] }),
        ...(flags.text('job') === undefined ? {} : { job: flags.text('job') }),
        ...(flags.text('search') === undefined ? {} : { search: flags.text('search') }),
        ...(cursor === undefined ? {} : { cursor }),
      },
    });
    left -= page.rows.length;
    cursor = page.nextCursor ?? undefined;
    if (terminal.json) for (const row of page.rows) terminal.object({ type: 'transfer', ...row });
    else {
      const rows = page.rows.map((row) => [row.id, statusOf(row), amountOf(row), shortName(fromTo(row), 120)]);
      for (const line of alignedRows(first ? [['ID', 'STATE', 'SIZE', 'FILE'], ...rows] : rows)) terminal.out(line);
    }
    first = false;
  } while (cursor !== undefined && left > 0);
  return 0;
}

async function show({ client }: DaemonLink, ids: readonly string[], terminal: Terminal): Promise<number> {
  for (const id of ids) {
    const { transfer, receipts, facts } = await client.call('getTransfer', { params: { id } });
    if (terminal.json) {
      terminal.object({ type: 'transfer', ...transfer, receipts, facts });
      continue;
    }
    const rows: [string, string][] = [
      ['Transfer', transfer.id],
      ['Job', transfer.jobId],
      ['From', joinPath(transfer.source.endpoint, transfer.source.path)],
      ['To', joinPath(transfer.destination.endpoint, transfer.published?.path ?? transfer.destination.path)],
      ['State', statusOf(transfer)],
      ['Size', amountOf(transfer)],
      ['Attempts', String(transfer.attempts)],
    ];
    if (transfer.speedBytesPerSecond !== null) rows.push(['Speed', formatSpeed(transfer.speedBytesPerSecond)]);
    if (transfer.eta !== null) {
      const { fromSeconds, toSeconds, cause } = transfer.eta;
      rows.push(['Left', formatEta({ from: fromSeconds, to: toSeconds, cause })]);
    }
    if (transfer.error !== null) rows.push(['Error', transfer.error.message], ['', transfer.error.remedy]);
    for (const { hash, verify, at } of receipts)
      rows.push(['Receipt', `${hash.algorithm} ${hash.value}, ${verify}, ${formatTime(at)}`]);
    for (const line of alignedRows(rows)) terminal.out(line);
    terminal.out('');
    for (const { at, name, data } of facts) {
      const said = Object.keys(data).length === 0 ? '' : ` ${JSON.stringify(data)}`;
      terminal.out(`  ${formatTime(at)}  ${name.replace('observation.transfer.', '')}${said}`);
    }
  }
  return 0;
}

function statusOf({ state, waiting }: TransferView): string {
  return waiting === null ? state : `${state} (${waiting.reason})`;
}

function amountOf({ sizeBytes, bytesDone, state }: TransferView): string {
  if (sizeBytes === null) return `${formatSize(bytesDone)} so far`;
  if (state !== 'transferring' || sizeBytes === 0) return formatSize(sizeBytes);
  return `${Math.floor((bytesDone / sizeBytes) * 100)} % of ${formatSize(sizeBytes)}`;
}

function fromTo({ source, destination, published }: TransferView): string {
  return `${joinPath(source.endpoint, source.path)} → ${joinPath(destination.endpoint, published?.path ?? destination.path)}`;
}
