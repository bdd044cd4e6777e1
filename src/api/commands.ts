// Commands by event name, as they come in by POST /api/v1/events and by Socket.IO.

import { z } from 'zod';
import type { Engine } from '../engine/engine.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Action, TransferView } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import { transferView } from './present.ts';
import { RequestFault } from './problem.ts';
import { confineAgain, type Roots } from './roots.ts';

export interface CommandAnswer {
  readonly ok: true;
  readonly transfer?: TransferView;
}

/** Resolves once it is durable. Rejects with `invalid`, `not_found`, `state_conflict`. */
type Command = (data: unknown, parts: CommandParts) => Promise<CommandAnswer>;

export interface CommandParts {
  readonly engine: Engine;
  readonly reader: StoreReader;
  readonly roots: Roots;
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

/**
 * Rejects with `not_found`, `state_conflict`, or `outside_roots` where the job may no longer go on. `checked` holds what has been
 * asked of jobs already, where many transfers are acted on together.
 */
export async function actOnTransfer(
  parts: CommandParts,
  action: Action,
  id: string,
  checked = new Map<string, Promise<void>>(),
): Promise<TransferView> {
  const { engine, reader } = parts;
  if (action === 'resume' || action === 'retry') {
    const jobId = (await found(reader, id)).jobId;
    const check = checked.get(jobId) ?? confineAgain(parts, jobId);
    checked.set(jobId, check);
    await check;
  }
  await engine[action]({ transferId: id });
  return transferView(await found(reader, id), engine.progressOf([id])[0]);
}

async function found(reader: StoreReader, id: string): Promise<Transfer> {
  const transfer = await reader.transfer(id);
  if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${displayPath(id)}.`);
  return transfer;
}
