// Commands by event name, as they come in by POST /api/v1/events and by Socket.IO.

import { z } from 'zod';
import type { Engine } from '../engine/engine.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Action, TransferView } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import { transferView } from './present.ts';
import { RequestFault } from './problem.ts';

export interface CommandAnswer {
  readonly ok: true;
  readonly transfer?: TransferView;
}

/** Resolves once it is durable. Rejects with `invalid`, `not_found`, `state_conflict`. */
type Command = (data: unknown, parts: CommandParts) => Promise<CommandAnswer>;

export interface CommandParts {
  readonly engine: Engine;
  readonly reader: StoreReader;
}

const idData = z.strictObject({ id: z.string().min(1).max(64) });

const transferCommand =
  (action: Action): Command =>
  async (data, parts) => {
    const read = idData.safeParse(data);
    if (!read.success) throw new RequestFault('data', read.error);
    return { ok: true, transfer: await actOnTransfer(parts, action, read.data.id) };
  };

export const commands: Readonly<Record<string, Command>> = {
  'command.transfer.pause': transferCommand('pause'),
  'command.transfer.resume': transferCommand('resume'),
  'command.transfer.cancel': transferCommand('cancel'),
  'command.transfer.retry': transferCommand('retry'),
};

/** Rejects with `unsupported` for a name that is no command, and like the command. */
export async function runCommand(name: string, data: unknown, parts: CommandParts): Promise<CommandAnswer> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new Fault('unsupported', `This daemon takes no event named ${displayPath(name)}.`);
  return await command(data, parts);
}

/** Rejects with `not_found` or `state_conflict`. */
export async function actOnTransfer(
  { engine, reader }: CommandParts,
  action: Action,
  id: string,
): Promise<TransferView> {
  await engine[action]({ transferId: id });
  const transfer = await reader.transfer(id);
  if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${displayPath(id)}.`);
  return transferView(transfer, engine.progressOf([id])[0]);
}
