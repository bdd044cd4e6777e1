// `wherry offload`: a device's files, downloaded once and processed; by the daemon, or in this process for a card that is mounted.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { loadSettings } from '../config.ts';
import { Fault } from '../model/fault.ts';
import { mhlFormats } from '../model/hash.ts';
import { displayPath } from '../model/names.ts';
import type { OffloadRequest } from '../model/specs.ts';
import type { VerbCall } from './command-line.ts';
import { followJob } from './copy-by-daemon.ts';
import { tellPlan } from './copy-plan.ts';
import { absolutePlace, copyLedgers, ownLedger } from './copy-request.ts';
import { type DaemonLink, findDaemon } from './daemon-client.ts';
import { listenForInterrupt } from './interrupt.ts';
import { alreadyRuns, seeThrough } from './see-through.ts';
import { tellOnTerminal } from './terminal-log.ts';

type Wish = Omit<OffloadRequest, 'kind' | 'device'>;

export async function offload({ words, flags, terminal }: VerbCall): Promise<number> {
  const [device, destination, ...more] = words;
  if (device === undefined || more.length > 0) {
    throw new Fault('invalid', 'wherry offload takes a device (or the path of a card) and, if wanted, a folder.');
  }
  const wish = wishOf(destination, flags);
  const settings = await loadSettings({ config: flags.text('config'), data: flags.text('data') });
  const daemon = findDaemon(settings.dataFolder);
  if (daemon !== undefined) return byDaemon(daemon, device, wish, { flags, terminal });
  if (!isPath(device)) {
    throw new Fault(
      'unreachable',
      `No daemon runs that knows the device ${displayPath(device)}. Start one with \`wherry serve\`, or give the path where a card is mounted.`,
    );
  }
  return inProcess(device, wish, settings, { flags, terminal });
}

/** Everything else is an id. */
function isPath(word: string): boolean {
  return word.includes('/') || word === '.' || word === '..';
}

function wishOf(destination: string | undefined, flags: VerbCall['flags']): Wish {
  const files = flags.list('file');
  const folder = destination === undefined ? null : absolutePlace(destination).replace(/(.)\/+$/, '$1');
  const processed = flags.text('processed');
  return {
    files: files.length === 0 ? 'all' : files,
    include: flags.list('include'),
    exclude: flags.list('exclude'),
    downloadDir: folder,
    processedDir:
      processed !== undefined ? absolutePlace(processed) : folder === null ? null : join(folder, 'processed'),
    associateWith: flags.text('key') ?? null,
    pipeline: flags.text('pipeline') ?? null,
    deleteAfterCopies: flags.number('delete-after', 1, 16) ?? null,
    ascMhl: flags.choice('asc-mhl', mhlFormats) ?? null,
    transfers: flags.number('transfers', 1, 64) ?? null,
  };
}

async function byDaemon(
  { client }: DaemonLink,
  device: string,
  wish: Wish,
  { flags, terminal }: Pick<VerbCall, 'flags' | 'terminal'>,
): Promise<number> {
  const body = { ...wish, device: isPath(device) ? await cardAt(client, absolutePlace(device)) : device };
  if (flags.is('dry-run')) {
    return tellPlan(terminal, client.lines('planJob', { body: { kind: 'offload', ...body } }), { shown: true });
  }
  const create = () => client.call('queueBatch', { body }, { idempotencyKey: randomUUID() });
  return followJob({ client }, create, { request: {}, flags, terminal });
}

async function cardAt(client: DaemonLink['client'], path: string): Promise<string> {
  const { rows } = await client.call('lookForDevices');
  const found = rows.find(
    ({ address, connected }) => connected && address === displayPath(path.replace(/(.)\/+$/, '$1')),
  );
  if (found !== undefined) return found.id;
  throw noCard(path);
}

function noCard(path: string): Fault {
  return new Fault(
    'not_found',
    `No card is mounted at ${displayPath(path)}. \`wherry devices\` lists those that are; \`wherry copy\` copies any folder.`,
  );
}

async function inProcess(
  device: string,
  wish: Wish,
  settings: Awaited<ReturnType<typeof loadSettings>>,
  { flags, terminal }: Pick<VerbCall, 'flags' | 'terminal'>,
): Promise<number> {
  const path = absolutePlace(device).replace(/(.)\/+$/, '$1');
  const { downloadDir } = wish;
  if (downloadDir === null || downloadDir === undefined) {
    throw new Fault('invalid', 'Without a daemon wherry offload needs a folder: wherry offload PATH DEST.');
  }
  const interrupt = listenForInterrupt();
  const key = ['offload', path, downloadDir];
  const folder = ownLedger(copyLedgers(flags.text('data')), key, { sources: [path], destination: downloadDir });
  const { openOffload } = await import('../main.ts');
  const options = { dataFolder: folder, log: tellOnTerminal(terminal), adapters: 'built-in' as const };
  const opened = await openOffload({ ...options, pipelines: settings.pipelines }, path, wish, {
    dryRun: flags.is('dry-run'),
  }).catch(alreadyRuns('offload'));
  if (opened === undefined) {
    interrupt.release();
    throw noCard(path);
  }
  if ('plan' in opened) {
    try {
      return await tellPlan(terminal, opened.plan);
    } finally {
      await opened.wherry.close();
      interrupt.release();
    }
  }
  return seeThrough(opened, { what: 'offload', request: {}, interrupt, terminal, flags });
}
