// One shell that stays in the container and does what needs no stream: looking, renaming, removing. One line asks, lines answer, in turn.

import type { Call } from '../endpoint.ts';
import { containerScript } from './container-script.ts';
import { type DockerEngine, dockerFault, type Running } from './docker-engine.ts';

export interface Answer {
  readonly lines: readonly string[];
  /** The last line, without its `=`: `ok`, `none`, `err CODE`. */
  readonly end: string;
}

/** As shells and engines say that a program is not there, or is none. */
const notRunnable: ReadonlySet<number> = new Set([126, 127]);

export class ContainerShell {
  readonly #engine: DockerEngine;
  readonly #root: string;
  readonly #name: string;
  #open: Promise<Session> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** `root` is a word of `encodeWord`'s making; `name` is the place's, for messages. */
  constructor(engine: DockerEngine, root: string, name: string) {
    this.#engine = engine;
    this.#root = root;
    this.#name = name;
  }

  /** Words without spaces; `payload` is what the operation reads. One question after the other; who no longer waits for its answer does not hold up the next for long. */
  ask(words: readonly string[], call?: Call, payload?: Uint8Array): Promise<Answer> {
    const mine = this.#turn.then(async () => {
      call?.signal?.throwIfAborted();
      // One that has ended unasked, with its container, is begun anew.
      if ((await this.#open)?.isOver === true) this.#open = undefined;
      this.#open ??= Session.start(this.#engine, this.#root, this.#name);
      const opening = this.#open;
      try {
        return await (await opening).ask(words, payload);
      } catch (error) {
        if (this.#open === opening) this.#open = undefined;
        throw error;
      }
    });
    this.#turn = mine.catch(() => undefined);
    return orAborted(mine, call?.signal);
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.then(
      (session) => session.close(),
      () => undefined,
    );
  }
}

class Session {
  readonly #engine: DockerEngine;
  readonly #name: string;
  readonly #running: Running;
  #text = '';
  #lines: string[] = [];
  #waiting: PromiseWithResolvers<Answer> | undefined;
  #isOver = false;

  private constructor(engine: DockerEngine, name: string, running: Running) {
    this.#engine = engine;
    this.#name = name;
    this.#running = running;
    running.output.setEncoding('latin1');
    running.output.on('data', (text: string) => this.#take(text));
    running.output.on('end', () => this.#end());
    running.errors.resume();
  }

  static async start(engine: DockerEngine, root: string, name: string): Promise<Session> {
    const running = await engine.run(serveCommand(root), { takesInput: true, name });
    const session = new Session(engine, name, running);
    try {
      const { end } = await session.ask(['abilities']);
      if (end === 'ok') return session;
    } catch (error) {
      if (!notRunnable.has((await running.exitCode()) ?? 0)) throw error;
    }
    throw dockerFault('unsupported', name, 'the container has no shell (sh), and Wherry needs one there');
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  ask(words: readonly string[], payload?: Uint8Array): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting = waiting;
    if (this.#isOver) this.#end();
    else {
      this.#running.input.write(`${words.join(' ')}\n`);
      if (payload !== undefined && payload.length > 0) this.#running.input.write(payload);
    }
    return waiting.promise;
  }

  close(): void {
    this.#running.input.end();
    this.#running.input.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    for (let cut = this.#text.indexOf('\n'); cut >= 0; cut = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, cut);
      this.#text = this.#text.slice(cut + 1);
      if (!line.startsWith('=')) this.#lines.push(line);
      else {
        this.#waiting?.resolve({ lines: this.#lines, end: line.slice(1) });
        this.#waiting = undefined;
        this.#lines = [];
      }
    }
  }

  #end(): void {
    this.#isOver = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    this.#engine.whyEnded(this.#name).then(
      (fault) => waiting.reject(fault),
      (error: unknown) => waiting.reject(error),
    );
  }
}

/** Shells are looked for by name: images keep them in different folders. */
export function serveCommand(root: string): string[] {
  return shellCommand(root, ['serve']);
}

/** Everything but the script's words goes as arguments, which no shell reads. */
export function shellCommand(root: string, words: readonly string[]): string[] {
  const begin = `r=$(printf '%bX' "$1"); r=\${r%X}; s=$2; shift 2; exec sh -c "$s" wherry "$r" "$@"`;
  return ['sh', '-c', begin, 'wherry', root, containerScript, ...words];
}

/** Rejects with the signal's reason as soon as it is aborted, whatever the promise does then. */
export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
