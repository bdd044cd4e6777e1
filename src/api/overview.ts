// The overview: is everything all right, what moves, and what waits for somebody.

import type { EngineSnapshot } from '../engine/engine.ts';
import type { StorageReport } from '../engine/storage-monitor.ts';
import { type FaultCode, faultTable } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import type { Transfer, TransferState, WaitReason } from '../model/transfer.ts';
import type { AttentionView, OverviewView } from '../model/views.ts';
import { isoTime, transferView } from './present.ts';
import { storageView, waitingWatchRemedy } from './present-watch.ts';
import type { Services, WaitingWatch } from './route.ts';

/** So many newest failed and waiting transfers are looked at; the counts by state are exact all the same. */
const looked = 500;
const mostIds = 100;
const mostItems = 50;
const arrivedRows = 12;
/** Room for longer than this is no news. */
const shownRoomSeconds = 7 * 86_400;

export async function overviewOf(services: Services): Promise<OverviewView> {
  const { engine, reader, clock } = services;
  // Read first: what happens while the rest is read is then told again rather than missed.
  const cursor = await reader.eventCursor();
  const [counts, failed, waiting, arrived, running, stuckJobs] = await Promise.all([
    reader.countTransfers(),
    reader.transfers({ states: ['failed'], limit: looked, newestFirst: true }),
    reader.transfers({ states: ['waiting'], limit: looked, newestFirst: true }),
    reader.transfers({ states: ['completed'], limit: arrivedRows, newestFirst: true, orderBy: 'updated' }),
    reader.jobs({ states: ['running'], limit: 1000 }),
    reader.jobs({ states: ['waiting', 'failed'], limit: 100, newestFirst: true }),
  ]);
  const snapshot = engine.snapshot();
  const attention = [
    ...ledgerItems(snapshot.ledger),
    ...mountItems(snapshot.mounts, clock.now()),
    ...jobItems(stuckJobs.rows.filter((job) => !isToldByFiles(job, failed.rows))),
    ...waitingWatchItems(services.waitingWatches()),
    ...storageItems(engine.storage()),
    ...transferItems(failed.rows, failed.nextCursor !== null),
    ...transferItems(waiting.rows, waiting.nextCursor !== null),
  ]
    .sort((a, b) => Number(b.severity === 'needs-you') - Number(a.severity === 'needs-you') || b.at.localeCompare(a.at))
    .slice(0, mostItems);
  const { endpoints, jobs } = snapshot.rates;
  return {
    health: healthOf({
      counts,
      attention,
      active: snapshot.activeTransfers,
      runningJobs: running.rows.length,
      watches: running.rows.filter(({ kind }) => kind === 'watch').length,
      roomSeconds: leastRoom(engine.storage(), running.rows, snapshot.rates),
    }),
    transfers: { ...counts },
    runningJobs: running.rows.length,
    activeTransfers: snapshot.activeTransfers,
    bytesPerSecond: snapshot.bytesPerSecond,
    bandwidth: snapshot.bandwidthLimit,
    mounts: snapshot.mounts.map(({ mountPoint, state, hungForMs }) => ({
      mountPoint: displayPath(mountPoint),
      state,
      hungForMs,
    })),
    rates: {
      endpoints: Object.entries(endpoints).map(([endpoint, bytesPerSecond]) => ({
        endpoint: displayPath(endpoint),
        bytesPerSecond,
      })),
      jobs: Object.entries(jobs).map(([jobId, bytesPerSecond]) => ({ jobId, bytesPerSecond })),
    },
    attention,
    arrived: arrived.rows.map((transfer) => transferView(transfer)),
    cursor,
    version: services.version,
    startedAt: isoTime(services.startedAt),
    now: isoTime(clock.now()),
  };
}

interface HealthFigures {
  readonly counts: Readonly<Record<TransferState, number>>;
  readonly attention: readonly AttentionView[];
  readonly active: number;
  readonly runningJobs: number;
  /** Watches that run. Default is 0. */
  readonly watches?: number;
  /** How long the fullest destination has room at the present rate; null where nothing comes. */
  readonly roomSeconds?: number | null;
}

/** One line of health in words: first what is wrong, then what goes on. */
export function healthOf(figures: HealthFigures): OverviewView['health'] {
  const { counts, attention, active, runningJobs, watches = 0, roomSeconds = null } = figures;
  const needs = attention
    .filter(({ severity, what }) => severity === 'needs-you' && what !== 'transfer')
    .reduce((sum, { count }) => sum + count, 0);
  const level = counts.failed + needs > 0 ? 'needs-you' : attention.length > 0 || counts.waiting > 0 ? 'waits' : 'well';
  const sentences: string[] = [];
  if (counts.failed > 0)
    sentences.push(`${files(counts.failed)} failed and ${counts.failed === 1 ? 'needs' : 'need'} you.`);
  if (needs > 0)
    sentences.push(`${plural(needs, 'place or job', 'places or jobs')} ${needs === 1 ? 'needs' : 'need'} you.`);
  const held = attention
    .filter(({ severity, what }) => severity === 'waits' && what === 'job')
    .reduce((sum, { count }) => sum + count, 0);
  if (held > 0) sentences.push(`${plural(held, 'job waits', 'jobs wait')}.`);
  const low = attention.filter(({ severity, what }) => severity === 'waits' && what === 'storage').length;
  if (low > 0) sentences.push(`${plural(low, 'place is', 'places are')} low on space.`);
  const moving: string[] = [];
  if (active > 0) moving.push(`${files(active)} moving`);
  if (counts.queued > 0) moving.push(`${counts.queued} queued`);
  if (counts.waiting > 0) moving.push(`${counts.waiting} waiting`);
  if (counts.paused > 0) moving.push(`${counts.paused} paused`);
  if (moving.length > 0) sentences.push(`${moving.join(', ')}.`);
  if (level === 'well') {
    const all = watches === 0 ? 'All is well' : watches === 1 ? 'The watch is well' : `All ${watches} watches are well`;
    if (moving.length > 0) sentences.unshift(`${all}.`);
    else sentences.unshift(runningJobs > 0 ? `${all}; nothing to move right now.` : 'All is well. Nothing to do.');
  }
  if (roomSeconds !== null && roomSeconds < shownRoomSeconds) {
    sentences.push(`The destination has room for ${roughSpan(roomSeconds)} at this rate.`);
  }
  return { level, sentence: sentences.join(' ') };
}

/** Of the destination that is full first; null where nothing comes. */
function leastRoom(
  reports: readonly StorageReport[],
  jobs: readonly Job[],
  rates: EngineSnapshot['rates'],
): number | null {
  const rooms = reports.flatMap((report) => storageView(report, jobs, rates).roomSeconds ?? []);
  return rooms.length === 0 ? null : Math.min(...rooms);
}

function roughSpan(seconds: number): string {
  if (seconds < 5400) return plural(Math.max(1, Math.round(seconds / 60)), 'minute', 'minutes');
  if (seconds < 2 * 86_400) return plural(Math.round(seconds / 3600), 'hour', 'hours');
  return plural(Math.round(seconds / 86_400), 'day', 'days');
}

function files(count: number): string {
  return plural(count, 'file', 'files');
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What has one cause (how it stands, why, and where it was going) is one item, whichever jobs it belongs to. */
function transferItems(transfers: readonly Transfer[], more: boolean): AttentionView[] {
  const groups = new Map<string, Transfer[]>();
  for (const transfer of transfers) {
    const why =
      transfer.state === 'failed' ? (transfer.error?.code ?? 'internal') : (transfer.waiting?.reason ?? 'backoff');
    const key = `${transfer.state} ${why} ${transfer.destination.endpoint}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [transfer]);
    else group.push(transfer);
  }
  return [...groups].flatMap(([key, group]): AttentionView[] => {
    const [newest] = group;
    if (newest === undefined) return [];
    const failed = newest.state === 'failed';
    const code: FaultCode | null = newest.error?.code ?? null;
    const name = displayPath(newest.source.path === '' ? newest.source.endpoint : newest.source.path);
    const reason = newest.waiting?.reason ?? 'backoff';
    return [
      {
        key,
        severity: failed || reason === 'permission' || reason === 'consent' ? 'needs-you' : 'waits',
        what: 'transfer',
        jobId: group.every(({ jobId }) => jobId === newest.jobId) ? newest.jobId : null,
        transferIds: group.slice(0, mostIds).map(({ id }) => id),
        count: group.length,
        more,
        code,
        title: groupTitle(name, group.length - 1, more),
        sentence: newest.error?.message ?? (failed ? faultTable.internal.sentence : waitSentences[reason]),
        remedy: newest.error?.remedy ?? (failed ? faultTable.internal.remedy : 'Nothing to do: it goes on by itself.'),
        action: failed ? 'retry' : null,
        at: isoTime(newest.updatedAt),
      },
    ];
  });
}

const waitSentences: Readonly<Record<WaitReason, string>> = {
  backoff: 'It failed for the moment and is tried again.',
  space: 'It waits for room at the destination.',
  permission: 'It waits for a permission.',
  device: 'It waits for its device.',
  network: 'It waits for the network or share.',
  peer: 'It waits for its peer.',
  consent: 'It waits for somebody to agree.',
  schedule: 'It waits for its time.',
  tool: 'It waits for a program that is missing or does not answer.',
  bundle: 'It waits for the rest of its bundle.',
};

/** Of a job that failed because its files did, those files tell more. */
function isToldByFiles(job: Job, failed: readonly Transfer[]): boolean {
  return job.state === 'failed' && failed.some((transfer) => transfer.jobId === job.id);
}

/** Jobs that say the same of the same place have one cause and are one item. */
function jobItems(jobs: readonly Job[]): AttentionView[] {
  const groups = Map.groupBy(jobs, (job) => `job ${job.state} ${jobSentence(job)}`);
  return [...groups].flatMap(([key, group]): AttentionView[] => {
    const [newest] = group;
    if (newest === undefined) return [];
    const failed = newest.state === 'failed';
    const isOne = group.length === 1;
    return [
      {
        key: isOne ? `job ${newest.id}` : key,
        severity: failed ? 'needs-you' : 'waits',
        what: 'job',
        jobId: isOne ? newest.id : null,
        transferIds: [],
        count: group.length,
        more: false,
        code: newest.error?.code ?? null,
        title: groupTitle(displayPath(newest.name), group.length - 1, false),
        sentence: jobSentence(newest),
        remedy: newest.error?.remedy ?? (failed ? faultTable.internal.remedy : 'Nothing to do: it goes on by itself.'),
        action: failed && isOne ? 'retry' : null,
        at: isoTime(newest.updatedAt),
      },
    ];
  });
}

function jobSentence(job: Job): string {
  if (job.error !== null) return job.error.message;
  return job.state === 'failed'
    ? faultTable.internal.sentence
    : `It waits: ${job.waiting?.reason ?? 'no reason given'}.`;
}

function waitingWatchItems(watches: readonly WaitingWatch[]): AttentionView[] {
  return watches.map(({ id, spec, fault, since }) => ({
    key: `watch ${id}`,
    severity: fault.code === 'not_found' || fault.code === 'unreachable' ? 'waits' : 'needs-you',
    what: 'job',
    jobId: null,
    transferIds: [],
    count: 1,
    more: false,
    code: fault.code,
    title: displayPath(spec.source),
    sentence: fault.message,
    remedy: waitingWatchRemedy,
    action: null,
    at: isoTime(since),
  }));
}

function storageItems(reports: readonly StorageReport[]): AttentionView[] {
  return reports
    .filter(({ state }) => state !== 'ok')
    .map(({ endpoint, role, state, reason, since }) => ({
      key: `storage ${role} ${endpoint}`,
      severity: state === 'warning' ? 'waits' : 'needs-you',
      what: 'storage',
      jobId: null,
      transferIds: [],
      count: 1,
      more: false,
      code: null,
      title: displayPath(endpoint),
      sentence: `${role === 'source' ? 'Watched folder' : 'Destination'}: ${reason}`,
      remedy: storageRemedies[state === 'ok' ? 'warning' : state],
      action: null,
      at: isoTime(since),
    }));
}

const storageRemedies = {
  warning: 'Make room before it becomes short; nothing is held up yet.',
  critical: 'Make room, or make it writable; what waits for it goes on by itself.',
  unreachable: 'Bring it back (mount the share, connect the disk); what waits for it goes on by itself.',
} as const;

/** Nothing that is kept tells of this: what cannot be written down is known to this process alone. */
function ledgerItems(trouble: EngineSnapshot['ledger']): AttentionView[] {
  if (trouble === null) return [];
  const { fault, since } = trouble;
  return [
    {
      key: 'ledger',
      severity: 'needs-you',
      what: 'storage',
      jobId: null,
      transferIds: [],
      count: 1,
      more: false,
      code: fault.code,
      title: 'The ledger',
      sentence: fault.message,
      remedy: fault.remedy,
      action: null,
      at: isoTime(since),
    },
  ];
}

function mountItems(
  mounts: readonly { mountPoint: string; state: string; hungForMs: number }[],
  now: number,
): AttentionView[] {
  return mounts
    .filter(({ state }) => state === 'unreachable')
    .map(({ mountPoint, hungForMs }) => ({
      key: `mount ${mountPoint}`,
      severity: 'needs-you',
      what: 'mount',
      jobId: null,
      transferIds: [],
      count: 1,
      more: false,
      code: 'unreachable',
      title: displayPath(mountPoint),
      sentence: `${displayPath(mountPoint)} has not answered for ${Math.round(hungForMs / 1000)} s.`,
      remedy: faultTable.unreachable.remedy,
      action: null,
      at: isoTime(now - hungForMs),
    }));
}

function groupTitle(name: string, others: number, more: boolean): string {
  if (others === 0) return name;
  return `${name} and ${others}${more ? ' or more' : ''} ${others === 1 && !more ? 'other' : 'others'}`;
}
