// `wherry watch`: a watch in the foreground, in this process and with a ledger of its own, until a signal ends it.

import { loadSettings } from '../config.ts';
import type { StoredEvent } from '../model/event.ts';
import { Fault, faultFrom } from '../model/fault.ts';
import { displayPath, joinPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import { watchSpecSchema } from '../model/specs.ts';
import type { Transfer } from '../model/transfer.ts';
import type { VerbCall } from './command-line.ts';
import { copyLedgers } from './copy-request.ts';
import { fileObject } from './file-line.ts';
import { listenForInterrupt } from './interrupt.ts';
import { openProgressDisplay } from './progress-display.ts';
import { alreadyRuns } from './see-through.ts';
import type { Terminal } from './terminal.ts';
import { tellOnTerminal } from './terminal-log.ts';
import { watchLedger, watchRequest } from './watch-request.ts';

export async function watch({ words, flags, terminal }: VerbCall): Promise<number> {
  const request = watchRequest('watch', words, flags);
  const checked = watchSpecSchema.safeParse(request);
  if (!checked.success) throw new Fault('invalid', checked.error.issues[0]?.message ?? 'The watch makes no sense.');
  const settings = await loadSettings({ config: flags.text('config') });
  const { transfers, perEndpoint, endpoints } = settings.limits;
  const atOnce = request.transfers ?? 0;
  const interrupt = listenForInterrupt();
  const folder = watchLedger(copyLedgers(flags.text('data') ?? (process.env.WHERRY_DATA || undefined)), request);
  const { openWatch } = await import('../main.ts');
  const { wherry, submission, before, since } = await openWatch(
    {
      dataFolder: folder,
      limits: {
        slots: { global: Math.max(transfers, atOnce), perEndpoint: Math.max(perEndpoint, atOnce), endpoints },
        bandwidth: settings.bandwidth,
        stallSeconds: settings.stallMs / 1000,
      },
      ssh: settings.ssh,
      s3: settings.s3,
      log: tellOnTerminal(terminal),
    },
    request,
  ).catch(alreadyRuns('watch'));
  let ended = true;
  try {
    const places = request.destinations.map(displayPath).join(', ');
    terminal.say(`Watching ${displayPath(request.source)} for ${places}; Ctrl-C stops it.`);
    if (before) terminal.say('It goes on where an earlier run stopped.');
    if (terminal.json) terminal.object({ type: 'started', jobId: submission.id, resumed: before });
    const stopDisplay = showProgress(wherry, terminal, flags.is('progress'));
    const several = request.destinations.length > 1;
    const telling = tellFacts(wherry, terminal, { jobId: submission.id, since, several, signal: interrupt.signal });
    telling.catch(() => undefined);
    const job = await Promise.race([submission.done, aborted(interrupt.signal)]).finally(stopDisplay);
    if (job !== undefined) {
      if (job.error !== null) throw faultFrom(job.error);
      return 1;
    }
    terminal.say('Stopping …');
    ended = await wherry.close();
    terminal.say('What is done is kept; the same command again goes on.');
    if (terminal.json) terminal.object({ type: 'interrupted', jobId: submission.id, exitCode: interrupt.exitCode });
    return interrupt.exitCode ?? 130;
  } finally {
    ended = (await wherry.close()) && ended;
    interrupt.release();
    if (!ended) {
      terminal.warn('wherry: a call hangs in the operating system; the process ends without it.');
      process.kill(process.pid, 'SIGKILL');
    }
  }
}

type Opened = Awaited<ReturnType<typeof import('../main.ts').openWatch>>['wherry'];

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Bars on a terminal; elsewhere a watch that runs for months says nothing but what arrived, unless it is asked to. */
function showProgress(wherry: Opened, terminal: Terminal, asked: boolean): () => void {
  if (!terminal.interactive && !asked) return () => undefined;
  const display = openProgressDisplay(terminal, asked);
  const names = new Map<string, string>();
  const stops = [
    wherry.onJobProgress(({ etaSeconds, ...figures }) => display.job({ ...figures, eta: etaSeconds })),
    wherry.onTransferProgress((progress) => {
      const { transferId, head, bytesDone } = progress;
      const name = names.get(transferId);
      if (name === undefined) {
        names.set(transferId, '');
        void wherry.reader.transfer(transferId).then(
          (transfer) => names.set(transferId, transfer?.source.path ?? ''),
          () => names.delete(transferId),
        );
      } else if (name !== '') {
        const behind = head === undefined ? 0 : Math.max(0, head.sizeBytes - bytesDone);
        display.file(progress, head === undefined ? name : `${name} (growing, ${formatSize(behind)} behind)`);
      }
      // Names are only for what moves now.
      if (bytesDone === progress.sizeBytes) names.delete(transferId);
    }),
  ];
  return () => {
    display.end();
    for (const stop of stops) stop();
  };
}

/** Says each file as it is published or fails, and what becomes of the watch itself; ends with the signal. */
async function tellFacts(
  wherry: Opened,
  terminal: Terminal,
  options: { jobId: string; since: string; several: boolean; signal: AbortSignal },
): Promise<void> {
  const { jobId, since, several, signal } = options;
  for await (const event of wherry.events({ since, signal })) {
    const { name, transfer } = event;
    if (event.jobId !== jobId) continue;
    if (transfer === undefined) tellWatch(terminal, event);
    else if (name === 'observation.transfer.completed') tellFile(terminal, transfer, several);
    else if (name === 'observation.transfer.download.failed') tellFile(terminal, transfer, several);
  }
}

function tellFile(terminal: Terminal, transfer: Transfer, several: boolean): void {
  const { source, destination, publishedPath, sizeBytes, error } = transfer;
  const failed = transfer.state === 'failed';
  if (terminal.json) {
    terminal.object(fileObject(transfer, !failed));
    return;
  }
  const name = displayPath(source.path);
  if (failed) {
    terminal.warn(`${terminal.paint('red', 'failed')}  ${name}: ${error?.message ?? 'for an unknown reason'}`);
    return;
  }
  const landed = publishedPath ?? destination.path;
  const where = several ? joinPath(destination.endpoint, landed) : landed;
  const as = where === source.path ? '' : ` as ${displayPath(where)}`;
  const size = sizeBytes === null ? '' : `  (${formatSize(sizeBytes)})`;
  terminal.out(`${terminal.paint('green', 'arrived')} ${name}${as}${size}`);
}

function tellWatch(terminal: Terminal, { name, data }: StoredEvent): void {
  const said = watchWords(name, data);
  if (said === undefined) return;
  if (terminal.json) terminal.object({ type: 'watch', event: name, ...data });
  else if (name === 'observation.watch.waiting') terminal.warn(said);
  else terminal.say(said);
}

function watchWords(name: string, data: Readonly<Record<string, unknown>>): string | undefined {
  switch (name) {
    case 'observation.watch.waiting':
      return `Waits: ${(data.error as { message?: string } | undefined)?.message ?? 'nothing is seen at present.'}`;
    case 'observation.watch.recovered':
      return 'It is well again.';
    case 'observation.watch.events_tested':
      return data.inForce === true
        ? 'File-system events work here: changes are seen at once.'
        : `File-system events are not relied on (${String(data.reason)}); the folder is scanned.`;
    default:
      return undefined;
  }
}
