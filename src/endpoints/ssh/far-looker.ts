// Looks at files of the far side again and again by one program that stays for a while: a question costs one way there and back.

import type { Client } from 'ssh2';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { FarQuestion, lookFormat, RowReader } from './far-list.ts';
import { commandLine, type Running, run } from './far-shell.ts';
import type { FarRoot } from './far-tree.ts';

/** So long does the program wait for another question. */
const idleMs = 500;

interface Asked {
  readonly question: FarQuestion;
  readonly answer: PromiseWithResolvers<readonly Entry[]>;
  /** Somebody still wants to know. */
  isWanted: boolean;
}

interface Program {
  readonly begun: Promise<Running>;
  /** Oldest first; the program answers one after the other. */
  readonly asked: Asked[];
}

/** Of one root. For hosts whose `find` takes its starting points from its input as they come (GNU's, since 4.9). */
export class FarLooker {
  readonly #far: FarRoot;
  readonly #client: Client;
  #program: Program | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(far: FarRoot, client: Client) {
    this.#far = far;
    this.#client = client;
  }

  /** As `statByFind`. Rejects with the signal's reason where it is aborted. */
  async look(paths: readonly string[], signal: AbortSignal): Promise<readonly Entry[]> {
    signal.throwIfAborted();
    const program = this.getReady();
    clearTimeout(this.#idle);
    const one: Asked = {
      question: new FarQuestion(this.#far, paths),
      answer: Promise.withResolvers(),
      isWanted: true,
    };
    program.asked.push(one);
    const stop = () => {
      one.isWanted = false;
      one.answer.reject(signal.reason);
      // What nobody waits for any more may be waiting for a disk that does not answer.
      if (program.asked.every(({ isWanted }) => !isWanted)) this.#leave(program, 'kill');
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      program.begun.then(
        ({ channel }) => channel.write(Buffer.concat([one.question.names, askedAll])),
        (error: unknown) => this.#fail(program, error),
      );
      return await one.answer.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#rest(program);
    }
  }

  /** Begins the program before there is a question: the first one then costs no more than the others. */
  getReady(): Program {
    this.#program ??= this.#begin();
    this.#rest(this.#program);
    return this.#program;
  }

  #rest(program: Program): void {
    if (program !== this.#program || program.asked.length > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#leave(program, 'end'), idleMs);
    this.#idle.unref();
  }

  #begin(): Program {
    const asked: Asked[] = [];
    const rows = new RowReader(([facts, name, target]) => {
      if (!name?.equals(everything)) return asked[0]?.question.take(facts, name, target);
      this.#answer(asked.shift());
      // Nobody may have waited for this one any more.
      this.#rest(program);
    });
    const command = commandLine([
      'cd',
      { word: this.#far.root },
      '&& exec env LC_ALL=C find -files0-from - -maxdepth 0 -printf',
      { word: lookFormat },
      "-path . -printf '\\c'",
    ]);
    const never = new AbortController();
    const begun = run(this.#client, command, (data) => data !== null && rows.give(data), never.signal);
    const program: Program = { begun, asked };
    begun
      .then(({ ended }) => ended)
      .then(
        () => this.#fail(program, this.#broken()),
        (error: unknown) => this.#fail(program, error),
      );
    return program;
  }

  #answer(one: Asked | undefined): void {
    try {
      one?.answer.resolve(one.question.answer());
    } catch (error) {
      one?.answer.reject(error);
    }
  }

  #leave(program: Program, how: 'end' | 'kill'): void {
    if (this.#program === program) this.#program = undefined;
    program.begun.then(
      (running) => (how === 'kill' ? running.kill() : running.channel.end()),
      () => undefined,
    );
  }

  #fail(program: Program, error: unknown): void {
    if (this.#program === program) this.#program = undefined;
    for (const { answer } of program.asked.splice(0)) answer.reject(error);
  }

  #broken(): Fault {
    const { place } = this.#far;
    return new Fault('network', `${place} did not say of all files how they are.`, {
      place: { endpoint: place, operation: 'look at' },
    });
  }
}

/** The last of each question's names, at which the program hands over what it has found. */
const everything = Buffer.from('.');
const askedAll = Buffer.from('.\0');
