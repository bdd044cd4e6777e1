// Signals that end a verb: the first asks it to stop and keep what is done, the second ends the process at once.

import { closeSync, constants, openSync } from 'node:fs';
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

/** With `onHangUp` SIGHUP does not end it, but calls that; a terminal that has gone away ends it all the same. */
export function listenForInterrupt(options: { readonly onHangUp?: () => void } = {}): Interrupt {
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
  const hadTerminal = options.onHangUp !== undefined && hasTerminal();
  const hungUp = (name: EndSignal) => {
    if (options.onHangUp === undefined || (hadTerminal && !hasTerminal())) heard(name);
    else options.onHangUp();
  };
  const names = Object.keys(exitCodes) as EndSignal[];
  for (const name of names) process.on(name, name === 'SIGHUP' ? hungUp : heard);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const name of names) process.off(name, name === 'SIGHUP' ? hungUp : heard);
    },
  };
}

/** Of the process: the terminal that started it is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
