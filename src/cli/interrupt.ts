// Signals that end a verb: the first asks it to stop and keep what is done, the second ends the process at once.

import { Fault } from '../model/fault.ts';

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** A terminal and npm may each send the same Ctrl-C. */
const sameMs = 500;
type EndSignal = keyof typeof exitCodes;

export interface Interrupt {
  /** Aborted by the first signal, with a Fault `interrupted`. */
  readonly signal: AbortSignal;
  /** 130, 143 or 129; undefined while nobody has interrupted. */
  readonly exitCode: number | undefined;
  /** Leaves signals to their own ways again. */
  release(): void;
}

export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let heardAt = 0;
  const heard = (name: EndSignal) => {
    if (exitCode !== undefined) {
      if (performance.now() - heardAt > sameMs) process.exit(exitCode);
      return;
    }
    heardAt = performance.now();
    exitCode = exitCodes[name];
    controller.abort(new Fault('interrupted', `Stopped by ${name}.`));
  };
  const names = Object.keys(exitCodes) as EndSignal[];
  for (const name of names) process.on(name, heard);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const name of names) process.off(name, heard);
    },
  };
}
