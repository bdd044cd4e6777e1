// The dispatcher in process: priority first, then fair between jobs, then oldest, within a global limit and one for each endpoint.

import type { Dispatcher, Work } from './dispatcher.ts';

export interface SlotLimits {
  /** Default is 4. */
  readonly global: number;
  /** For each endpoint or device that has no limit of its own. Default is 2. */
  readonly perEndpoint: number;
  /** For single ones. */
  readonly endpoints: Readonly<Record<string, number>>;
}

export const defaultSlotLimits: SlotLimits = { global: 4, perEndpoint: 2, endpoints: {} };

export interface LocalDispatcher<Item extends Work> extends Dispatcher<Item> {
  /** Holds from the next claim on; who is over a lowered limit finishes first. */
  setLimits(limits: SlotLimits): void;
  /**
   * How many of a job's items may be claimed at once; null lifts it. `atEndpoint` stands for `perEndpoint` for this job, where the endpoint
   * has no limit of its own.
   */
  limitJob(jobId: string, most: number | null, atEndpoint?: number): void;
  has(key: string): boolean;
}

/** Items that need the same slots wait in one line: where one does not fit, none of its line does. */
interface Line<Item> {
  readonly endpoints: readonly string[];
  /** Oldest first from `head` on. */
  items: Item[];
  head: number;
}

interface Queue<Item> {
  readonly lines: Map<string, Line<Item>>;
}

export function createLocalDispatcher<Item extends Work>(first: SlotLimits = defaultSlotLimits): LocalDispatcher<Item> {
  let limits = first;
  /** By priority, then by job. */
  const queues = new Map<number, Map<string, Queue<Item>>>();
  const offered = new Map<string, Item>();
  const claimed = new Map<string, Item>();
  const usedByEndpoint = new Map<string, number>();
  const usedByJob = new Map<string, number>();
  const mostByJob = new Map<string, number>();
  const atEndpointByJob = new Map<string, number>();
  /** When a job was served last, in claims; who has never been served comes first. */
  const servedAt = new Map<string, number>();
  let claims = 0;

  const limitOf = (endpoint: string, jobId: string) =>
    limits.endpoints[endpoint] ?? atEndpointByJob.get(jobId) ?? limits.perEndpoint;
  const fits = (endpoints: readonly string[], jobId: string) =>
    endpoints.every((endpoint) => (usedByEndpoint.get(endpoint) ?? 0) < limitOf(endpoint, jobId));
  const jobFits = (jobId: string) => (usedByJob.get(jobId) ?? 0) < (mostByJob.get(jobId) ?? Number.POSITIVE_INFINITY);

  const insert = (item: Item) => {
    const jobs = getOrMake(queues, item.priority, () => new Map<string, Queue<Item>>());
    const queue = getOrMake(jobs, item.jobId, () => ({ lines: new Map<string, Line<Item>>() }));
    const endpoints = [...new Set(item.endpoints)].sort();
    const line = getOrMake(queue.lines, endpoints.join('\n'), () => ({ endpoints, items: [], head: 0 }));
    let at = line.items.length;
    while (at > line.head && isOlder(item, line.items[at - 1] as Item)) at--;
    line.items.splice(at, 0, item);
  };

  const firstOf = (line: Line<Item>): Item | undefined => {
    // What was withdrawn is skipped here, so that withdrawing costs nothing.
    while (line.head < line.items.length && offered.get((line.items[line.head] as Item).key) !== line.items[line.head])
      line.head++;
    if (line.head > 1024 && line.head * 2 > line.items.length) {
      line.items = line.items.slice(line.head);
      line.head = 0;
    }
    return line.items[line.head];
  };

  const oldestFitting = (queue: Queue<Item>): { line: Line<Item>; item: Item } | undefined => {
    let best: { line: Line<Item>; item: Item } | undefined;
    for (const [key, line] of queue.lines) {
      const item = firstOf(line);
      if (item === undefined) queue.lines.delete(key);
      else if (fits(line.endpoints, item.jobId) && (best === undefined || isOlder(item, best.item)))
        best = { line, item };
    }
    return best;
  };

  const take = (line: Line<Item>, item: Item): Item => {
    line.head++;
    offered.delete(item.key);
    claimed.set(item.key, item);
    for (const endpoint of line.endpoints) usedByEndpoint.set(endpoint, (usedByEndpoint.get(endpoint) ?? 0) + 1);
    usedByJob.set(item.jobId, (usedByJob.get(item.jobId) ?? 0) + 1);
    claims += 1;
    servedAt.set(item.jobId, claims);
    return item;
  };

  return {
    offer: (items) => {
      for (const item of items) {
        if (offered.has(item.key) || claimed.has(item.key)) continue;
        offered.set(item.key, item);
        insert(item);
      }
    },
    withdraw: (key) => offered.delete(key),
    claim: () => {
      if (claimed.size >= limits.global) return undefined;
      for (const priority of [...queues.keys()].sort((one, other) => other - one)) {
        const jobs = queues.get(priority) as Map<string, Queue<Item>>;
        let best: { line: Line<Item>; item: Item; served: number } | undefined;
        for (const [jobId, queue] of jobs) {
          const served = servedAt.get(jobId) ?? 0;
          if (best !== undefined && best.served < served) continue;
          const found = jobFits(jobId) ? oldestFitting(queue) : undefined;
          if (queue.lines.size === 0) jobs.delete(jobId);
          if (found === undefined) continue;
          if (best === undefined || served < best.served || isOlder(found.item, best.item)) best = { ...found, served };
        }
        if (jobs.size === 0) queues.delete(priority);
        if (best !== undefined) return take(best.line, best.item);
      }
      return undefined;
    },
    complete: (key) => {
      const item = claimed.get(key);
      if (item === undefined) return;
      claimed.delete(key);
      for (const endpoint of new Set(item.endpoints)) lower(usedByEndpoint, endpoint);
      lower(usedByJob, item.jobId);
    },
    setLimits: (next) => {
      limits = next;
    },
    limitJob: (jobId, most, atEndpoint) => {
      if (most === null) mostByJob.delete(jobId);
      else mostByJob.set(jobId, most);
      if (atEndpoint === undefined) atEndpointByJob.delete(jobId);
      else atEndpointByJob.set(jobId, atEndpoint);
    },
    has: (key) => offered.has(key) || claimed.has(key),
    get offered() {
      return offered.size;
    },
    get claimed() {
      return claimed.size;
    },
  };
}

function isOlder(one: Work, other: Work): boolean {
  return one.queuedAt === other.queuedAt ? one.key < other.key : one.queuedAt < other.queuedAt;
}

function lower(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
