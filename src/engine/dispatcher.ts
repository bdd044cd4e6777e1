// The dispatcher's contract: hands claimable work to whoever has a free slot. In process for SQLite; SCALE brings pg-boss behind it.

/** Something that takes one slot: one transfer, or a pack of small ones. */
export interface Work {
  readonly key: string;
  readonly jobId: string;
  readonly priority: number;
  /** Milliseconds; older goes first within a priority. */
  readonly queuedAt: number;
  /** Limits that it counts against beside the global one: endpoint or device keys (a mount, a host). */
  readonly endpoints: readonly string[];
}

export interface Dispatcher<Item extends Work> {
  /** Adds work; the same key again is ignored while it is offered or claimed. */
  offer(items: readonly Item[]): void;
  /** Takes back what was offered and not yet claimed. */
  withdraw(key: string): boolean;
  /** The next item that fits the limits: priority, then fair between jobs, then oldest; undefined where none fits. Holds its slots until `complete`. */
  claim(): Item | undefined;
  complete(key: string): void;
  readonly offered: number;
  readonly claimed: number;
}
