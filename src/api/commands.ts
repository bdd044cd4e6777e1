// Commands by event name, as they come in by POST /api/v1/events and by Socket.IO.

import { z } from 'zod';
import type { Engine } from '../engine/engine.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { batchBodySchema } from '../model/specs.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Action, JobView, TransferView } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import { jobView, transferView } from './present.ts';
import { RequestFault } from './problem.ts';
import { confineAgain, type Roots } from './roots.ts';

export interface CommandAnswer {
  readonly ok: true;
  readonly transfer?: TransferView;
  readonly job?: JobView;
}

/** Resolves once it is durable. Rejects with `invalid`, `not_found`, `state_conflict`. `owner` is who gives it. */
type Command = (data: unknown, parts: CommandParts, owner: string) => Promise<CommandAnswer>;

export interface CommandParts {
  readonly engine: Engine;
  readonly reader: StoreReader;
  readonly roots: Roots;
}

/** What comes with it is looked at by whoever it is for. */
const observationSchema = z.record(z.string(), z.unknown()).catch({});
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
  'command.transfer.queue_batch': async (data, { engine, roots }, owner) => {
    const read = batchBodySchema.safeParse(data);
    if (!read.success) throw new RequestFault('data', read.error);
    await roots.confineJob({ kind: 'offload', ...read.data });
    return { ok: true, job: jobView(await engine.queueBatch(read.data, { owner })) };
  },
};

/** True for what may come in: commands, and things that happened outside. */
export function isTaken(name: string): boolean {
  return Object.hasOwn(commands, name) || name.startsWith('observation.');
}

/** Rejects with `unsupported` for a name that is no command and no trigger, and like the command. */
export async function runCommand(
  name: string,
  data: unknown,
  parts: CommandParts,
  owner: string,
): Promise<CommandAnswer> {
  if (name.startsWith('observation.')) {
    await parts.engine.observe(name, observationSchema.parse(data ?? {}));
    return { ok: true };
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new Fault('unsupported', `This daemon takes no event named ${displayPath(name)}.`);
  return await command(data, parts, owner);
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
