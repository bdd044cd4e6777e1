// The engine's log on a terminal: nothing, unless somebody asks for more with -vv.

import type { EngineLog } from '../main.ts';
import type { Terminal } from './terminal.ts';

export function tellOnTerminal(terminal: Terminal): EngineLog {
  const from = (least: number, name: string) => (fields: object, text: string) => {
    if (terminal.verbose >= least) terminal.warn(terminal.paint('dim', `${name}: ${text} ${JSON.stringify(fields)}`));
  };
  return { debug: from(3, 'debug'), info: from(2, 'info'), warn: from(1, 'warning'), error: from(1, 'error') };
}
