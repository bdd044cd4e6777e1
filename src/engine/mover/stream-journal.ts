// The block journal of a move whose bytes pass through the main thread: written and read in a worker, like every file of ours.

import type { MountPool, OperationContext } from '../../endpoints/mounts.ts';
import type { JournalHead } from './block-journal.ts';
import { type Journal, JournalWriter, readJournal } from './block-journal.ts';

export interface AppendInput {
  readonly journal: string;
  /** Empties it first. */
  readonly fresh: boolean;
  readonly head: Omit<JournalHead, 'version' | 'blockBytes'> | null;
  readonly blocks: readonly { readonly block: number; readonly digest: Uint8Array }[];
}

export function appendToJournal(input: AppendInput, { control }: OperationContext): void {
  const journal = JournalWriter.open(input.journal, control, { fresh: input.fresh });
  try {
    if (input.head !== null) journal.head(input.head);
    for (const { block, digest } of input.blocks) journal.block(block, digest);
  } finally {
    journal.close();
  }
}

export function loadJournal({ journal }: { journal: string }, { control }: OperationContext): Journal | undefined {
  return readJournal(journal, control);
}

/** Appends in the order of the calls, without keeping the bytes waiting; what went wrong comes out at `flush`. */
export class StreamJournal {
  readonly #pool: MountPool;
  readonly #path: string;
  #line: Promise<void> = Promise.resolve();
  /** Blocks that go with the next append, which waits for the one before it. */
  #next: AppendInput['blocks'][number][] | undefined;

  constructor(pool: MountPool, path: string) {
    this.#pool = pool;
    this.#path = path;
  }

  load(): Promise<Journal | undefined> {
    return this.#pool.run('mover.loadJournal', { journal: this.#path }, { quick: true });
  }

  begin(head: AppendInput['head'], options: { fresh: boolean }): void {
    this.#next = undefined;
    this.#append(() => ({ journal: this.#path, head, fresh: options.fresh, blocks: [] }));
  }

  block(block: number, digest: Uint8Array): void {
    if (this.#next !== undefined) {
      this.#next.push({ block, digest });
      return;
    }
    const blocks = [{ block, digest }];
    this.#next = blocks;
    this.#append(() => {
      if (this.#next === blocks) this.#next = undefined;
      return { journal: this.#path, head: null, fresh: false, blocks };
    });
  }

  async flush(): Promise<void> {
    await this.#line;
  }

  async forget(): Promise<void> {
    await this.#line.catch(() => undefined);
    await this.#pool.run('mover.forget', { journal: this.#path }, { quick: true });
  }

  #append(input: () => AppendInput): void {
    this.#line = this.#line.then(() => this.#pool.run('mover.appendToJournal', input(), { quick: true }));
    this.#line.catch(() => undefined);
  }
}
