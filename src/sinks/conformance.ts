// What every sink must do, as a list of checks for any test runner: the public conformance suite for authors of sinks.

import { type Check, checksOf, must } from '../model/conformance.ts';
import type { FileIngestType, IngestEvent, SyncSummary } from '../model/ingest.ts';
import type { IngestCall, IngestSink } from './sink.ts';

export interface SinkSubject {
  readonly sink: IngestSink;
  /** Ids of all events of files that it holds, one for each time that it holds one. */
  ids(): Promise<readonly string[]>;
  /** Ids of all summaries that it holds, likewise. */
  summaries(): Promise<readonly string[]>;
  /** Another sink at the same place, as after a restart. Left out: what holds then is not tried. */
  reopen?(): Promise<IngestSink>;
  dispose?(): Promise<void>;
}

/** Each check opens a subject of its own: `for (const { name, run } of sinkChecks(open)) test(name, run);` */
export function sinkChecks(
  open: () => Promise<SinkSubject>,
  options: {
    /** How long one check may take, in milliseconds. Default is 30,000. */
    readonly limitMs?: number;
  } = {},
): readonly Check[] {
  return checksOf(checks, open, 'the sink', options.limitMs);
}

const checks: Readonly<Record<string, (subject: SinkSubject) => Promise<void>>> = {
  'takes one event, and holds it': async (subject) => {
    const event = eventOf(1);
    must((await subject.sink.onFileSynced(event, calling())) === true, 'onFileSynced did not resolve with true');
    await holds(subject, [event.id]);
  },

  'takes 500 at once, in parts if it wants to, and says how many': async (subject) => {
    const events = Array.from({ length: 500 }, (_, at) => eventOf(at));
    await takeAll(subject.sink, events);
    await holds(
      subject,
      events.map(({ id }) => id),
    );
  },

  'holds once what it is told again': async (subject) => {
    const events = [eventOf(1), eventOf(2), eventOf(3)];
    await takeAll(subject.sink, events);
    await takeAll(subject.sink, [...events, eventOf(4)]);
    await takeAll(subject.sink, [eventOf(2)]);
    await holds(subject, ['event-1', 'event-2', 'event-3', 'event-4']);
  },

  'holds once what it is told again after a restart': async (subject) => {
    if (subject.reopen === undefined) return;
    await takeAll(subject.sink, [eventOf(1), eventOf(2)]);
    await subject.sink.onSyncComplete('sync-1', summaryOf(1), calling());
    await subject.sink.close?.();
    const again = await subject.reopen();
    await takeAll(again, [eventOf(1), eventOf(2), eventOf(3)]);
    await again.onSyncComplete('sync-1', summaryOf(1), calling());
    await holds(subject, ['event-1', 'event-2', 'event-3']);
    sameIds(await subject.summaries(), ['summary-1'], 'summaries');
    await again.close?.();
  },

  'holds once an event that stands twice in a batch': async (subject) => {
    await takeAll(subject.sink, [eventOf(1), eventOf(1), eventOf(2)]);
    await holds(subject, ['event-1', 'event-2']);
  },

  'takes what is processed and deleted of a file': async (subject) => {
    await takeAll(subject.sink, [eventOf(1), eventOf(2, 'file_processed'), eventOf(3, 'file_deleted')]);
    await holds(subject, ['event-1', 'event-2', 'event-3']);
  },

  'takes the end of a run, and holds it once': async (subject) => {
    const { sink } = subject;
    for (let round = 0; round < 2; round++) {
      const taken = await sink.onSyncComplete('sync-1', summaryOf(1), calling());
      must(taken === true, 'onSyncComplete did not resolve with true');
    }
    const failed = { ...summaryOf(2), success: false, errors: ['a.png: The connection broke.'] };
    must((await sink.onSyncComplete('sync-2', failed, calling())) === true, 'it does not take a run that failed');
    sameIds(await subject.summaries(), ['summary-1', 'summary-2'], 'summaries');
  },

  'takes names and metadata of all kinds': async (subject) => {
    const odd = [
      "it's; DROP TABLE x --.png",
      'a\nb\tc|d"e.png',
      '-rf',
      '日本語 ümlaut 🦆.png',
      `${'n'.repeat(4000)}.png`,
    ];
    const events = odd.map((name, at) => ({
      ...eventOf(at),
      filePath: `/home/media/${name}`,
      fileSize: at === 0 ? 0 : 2 ** 43,
      fileHash: at === 1 ? null : `sha256:${'a'.repeat(64)}`,
      metadata: { prompt: `a duck ${name}\0\ud800`, nested: { list: [1, null, true, 0.1], 'a"key': {} }, at },
    }));
    await takeAll(subject.sink, events);
    await holds(
      subject,
      events.map(({ id }) => id),
    );
    const { verifyFileExists } = subject.sink;
    if (verifyFileExists === undefined) return;
    for (const { filePath } of events) {
      must(await verifyFileExists.call(subject.sink, filePath), `it does not know ${JSON.stringify(filePath)}`);
    }
    must(
      !(await verifyFileExists.call(subject.sink, '/home/media/none.png')),
      'it knows a file that it was not told of',
    );
  },

  'takes more once it has been told to stop': async (subject) => {
    const over = AbortSignal.abort(new Error('stopped'));
    // Either is right; that it comes back is what counts.
    await subject.sink.onBatchSynced([eventOf(1)], { signal: over }).catch(() => 0);
    await takeAll(subject.sink, [eventOf(1), eventOf(2)]);
    await holds(subject, ['event-1', 'event-2']);
  },
};

const calling = (): IngestCall => ({ signal: new AbortController().signal });

/** As Wherry does it: what is not taken is told again, and something has to be taken each time. */
async function takeAll(sink: IngestSink, events: readonly IngestEvent[]): Promise<void> {
  for (let from = 0; from < events.length; ) {
    const rest = events.slice(from);
    const count = await sink.onBatchSynced(rest, calling());
    must(
      Number.isInteger(count) && count > 0 && count <= rest.length,
      `onBatchSynced of ${rest.length} events resolved with ${String(count)}`,
    );
    from += count;
  }
}

async function holds(subject: SinkSubject, ids: readonly string[]): Promise<void> {
  sameIds(await subject.ids(), ids, 'events');
}

function sameIds(held: readonly string[], wanted: readonly string[], what: string): void {
  const twice = held.filter((id, at) => held.indexOf(id) < at);
  must(twice.length === 0, `it holds ${what} more than once: ${twice.slice(0, 5).join(', ')}`);
  const missing = wanted.filter((id) => !held.includes(id));
  must(missing.length === 0, `it has lost ${missing.length} ${what}: ${missing.slice(0, 5).join(', ')}`);
  must(held.length === wanted.length, `it holds ${held.length} ${what} and not ${wanted.length}`);
}

function eventOf(at: number, eventType: FileIngestType = 'file_synced'): IngestEvent {
  return {
    id: `event-${at}`,
    eventType,
    timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString(),
    syncId: 'sync-1',
    filePath: `/home/media/file ${at}.png`,
    fileSize: at * 1000,
    fileHash: `sha256:${String(at).padStart(64, '0')}`,
    metadata: { relativePath: `file ${at}.png`, ...(eventType === 'file_deleted' ? { at: 'destination' } : {}) },
    xmpPath: eventType === 'file_processed' ? `/home/media/file ${at}.png.xmp` : null,
    thumbnailPath: null,
  };
}

function summaryOf(at: number): SyncSummary {
  return {
    id: `summary-${at}`,
    timestamp: '2026-01-01T00:10:00.000Z',
    success: true,
    filesTransferred: 3,
    bytesTransferred: 6000,
    duration: 1.5,
    errors: [],
    cleanup: { filesScanned: 10, filesDeleted: 2, spaceFreedBytes: 2000, errors: [], dryRun: false },
  };
}
