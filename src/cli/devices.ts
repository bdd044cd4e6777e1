// `wherry devices`: the daemon's cameras and cards, listed, shown, and what files they hold.

import type { DeviceView } from '../model/device-views.ts';

import { formatSize } from '../model/size.ts';
import type { VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actionOf, idsOf } from './list-actions.ts';
import type { Terminal } from './terminal.ts';
import { alignedRows, counted, formatTime } from './words.ts';

const actions = ['ls', 'show', 'files'] as const;
const pageRows = 1000;

export async function devices({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, rest] = actionOf('devices', words, actions);
  const daemon = await requireDaemon(flags);
  if (action === 'ls') return list(daemon, terminal);
  const ids = idsOf('devices', action, rest);
  for (const id of ids) await (action === 'show' ? show(daemon, id, terminal) : files(daemon, id, terminal));
  return 0;
}

async function list({ client }: DaemonLink, terminal: Terminal): Promise<number> {
  const { rows, troubles } = await client.call('lookForDevices');
  if (terminal.json) {
    for (const row of rows) terminal.object({ type: 'device', ...row });
    for (const trouble of troubles) terminal.object({ type: 'device-trouble', ...trouble });
    return 0;
  }
  if (rows.length === 0) terminal.say('No camera or card is here.');
  else {
    const lines = rows.map((row) => [row.id, row.kind, stateOf(row), row.address ?? '-', row.name]);
    for (const line of alignedRows([['ID', 'KIND', 'STATE', 'AT', 'NAME'], ...lines])) terminal.out(line);
  }
  for (const { kind, fault } of troubles) terminal.say(`${kind}: ${fault.message} ${fault.remedy}`);
  return 0;
}

async function show({ client }: DaemonLink, id: string, terminal: Terminal): Promise<void> {
  const device = await client.call('getDevice', { params: { id } });
  if (terminal.json) return terminal.object({ type: 'device', ...device });
  const rows: [string, string][] = [
    ['Device', device.id],
    ['Name', device.name],
    ['Kind', device.kind],
    ['State', stateOf(device)],
    ['Since', formatTime(device.since)],
  ];
  if (device.model !== null) rows.push(['Model', device.model]);
  if (device.serial !== null) rows.push(['Serial', device.serial]);
  if (device.address !== null) rows.push(['At', device.address]);
  if (device.battery !== null) {
    rows.push(['Battery', `${device.battery.percent} %${device.battery.charging === true ? ', charging' : ''}`]);
  }
  if (device.fault !== null) rows.push(['Trouble', device.fault.message], ['', device.fault.remedy]);
  for (const line of alignedRows(rows)) terminal.out(line);
}

async function files({ client }: DaemonLink, id: string, terminal: Terminal): Promise<void> {
  let cursor: string | undefined;
  do {
    const query = { limit: pageRows, ...(cursor === undefined ? {} : { cursor }) };
    const page = await client.call('listDeviceFiles', { params: { id }, query });
    for (const row of page.rows) {
      if (terminal.json) terminal.object({ type: 'device-file', device: id, ...row });
      else {
        const time = row.mtime === null ? '-'.padEnd(19) : formatTime(row.mtime);
        terminal.out(`${formatSize(row.sizeBytes).padStart(9)}  ${time}  ${row.path}`);
      }
    }
    cursor = page.nextCursor ?? undefined;
    if (cursor !== undefined) continue;
    for (const { path, fault } of page.refused) {
      if (terminal.json) terminal.object({ type: 'device-file-refused', device: id, path, fault });
      else terminal.say(`${path}: ${fault.message}`);
    }
    if (!terminal.json) terminal.say(`${counted(page.total, 'file')}, ${formatSize(page.totalBytes)}`);
  } while (cursor !== undefined);
}

function stateOf({ connected, fault }: DeviceView): string {
  if (!connected) return 'away';
  return fault === null ? 'here' : `here (${fault.code})`;
}
