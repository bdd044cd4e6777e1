// A room as a place: files that are offered to a member are read there, files that it offers are uploads there. It stays the same while the membership comes and goes.

import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath } from '../../model/names.ts';
import type { RoomClient, RoomTransfer } from '../../peer/room-client.ts';
import { refusedFault } from './accept-rules.ts';
import { IncomingFile } from './incoming-file.ts';
import type { OutgoingFile } from './outgoing-file.ts';
import { transferInRoom } from './room-address.ts';

/** A membership as the place knows it. */
export interface Membership {
  readonly client: RoomClient;
  /** Attempts under way, by the room's id of the transfer. */
  readonly incoming: Map<string, IncomingFile>;
  readonly outgoing: Map<string, OutgoingFile>;
  /** Time of the source and what is to be sent, by the room's id. */
  readonly facts: Map<string, { readonly mtimeMs: number }>;
  /** The mover let go of an incoming file before its end. */
  readonly letGo: (transferId: string) => void;
}

const beatMs = 1_000;

/** `membership` is undefined while nobody is in the room. */
export function roomPlace(name: string, membership: () => Membership | undefined): Endpoint {
  const here = (path: string): Membership => {
    const found = membership();
    if (found !== undefined && found.client.view.connection !== 'closed') return found;
    throw new Fault('unreachable', `The room of ${displayPath(path)} is not joined now.`, {
      place: { endpoint: name },
    });
  };
  const transferOf = (path: string): { member: Membership; transfer: RoomTransfer } => {
    const member = here(path);
    const id = transferInRoom(path);
    const transfer = member.client.view.transfers.find((one) => one.id === id);
    if (transfer === undefined) {
      throw new Fault('not_found', `The room knows no transfer of ${displayPath(path)} any more.`, {
        place: { path: displayPath(path), endpoint: name },
      });
    }
    return { member, transfer };
  };
  const entryOf = (path: string, { sizeBytes, checksum }: RoomTransfer, member: Membership): Entry => {
    const facts = member.facts.get(transferInRoom(path));
    return {
      path,
      kind: 'file',
      sizeBytes,
      mtimeMs: facts?.mtimeMs ?? 0,
      ...(facts === undefined ? { mtimeUnknown: true } : {}),
      ...(checksum === undefined ? {} : { hash: checksum }),
    };
  };

  return {
    name,
    traits: { atomicRename: false, mtimePrecisionMs: 1000, resumableWrite: false, caseSensitive: true },
    // biome-ignore lint/correctness/useYield: a room is no tree
    async *list() {
      throw new Fault('unsupported', `${displayPath(name)} is a room: it lists no files.`);
    },
    async stat(path) {
      const { member, transfer } = transferOf(path);
      // What is on its way out is not there before it has arrived.
      if (transfer.part === 'sending' && transfer.status !== 'completed') return undefined;
      return entryOf(path, transfer, member);
    },
    async read(path, from) {
      const { member, transfer } = transferOf(path);
      const { id, status, sizeBytes } = transfer;
      if (status === 'cancelled' || status === 'failed') throw over(transfer);
      const former = member.incoming.get(id);
      member.client.letGo(id);
      former?.fail(new Fault('interrupted', 'Another attempt took its place.'));
      const file = new IncomingFile(from, sizeBytes, () => member.letGo(id));
      member.incoming.set(id, file);
      if (transfer.pausedBy === 'person') await member.client.resume(id);
      await member.client.accept(id, file);
      return file.stream;
    },
    async write(path) {
      throw new Fault(
        'unsupported',
        `${displayPath(path)} is offered to a member first, and sent when it is accepted.`,
      );
    },
    async hash(path, algorithm) {
      const { transfer } = transferOf(path);
      if (algorithm === 'sha256' && transfer.checksum !== undefined) return transfer.checksum;
      throw new Fault('unsupported', `A room knows SHA-256 of what has arrived, and nothing else.`);
    },
    async remove(path) {
      const found = membership()?.client;
      const id = transferInRoom(path);
      const transfer = found?.view.transfers.find((one) => one.id === id);
      if (transfer === undefined || isOver(transfer)) return;
      await found?.cancel(id);
    },
    // Whoever made the membership ends it.
    close: async () => undefined,
    transport: 'as members of a room: directly, by TURN or by its relay',
    uploads: {
      begin: async (path) => transferOf(path).transfer.id,
      kept: async (path) => {
        const { transfer } = transferOf(path);
        return isOver(transfer) && transfer.status !== 'completed' ? undefined : transfer.bytesDone;
      },
      write: async (path, id, body, call) => {
        const { member } = transferOf(path);
        const file = member.outgoing.get(id);
        if (file === undefined) {
          const fault = new Fault('network', `${displayPath(path)} is not offered by this member any more.`);
          await body.cancel(fault).catch(() => undefined);
          throw fault;
        }
        return await sent(member.client, id, (told, signal) => file.fill(body, told, signal), call);
      },
      publish: async (path) => {
        const { transfer } = transferOf(path);
        if (transfer.status !== 'completed') throw over(transfer);
        return transfer.checksum !== undefined;
      },
      abandon: async (path) => {
        const found = membership()?.client;
        const id = transferInRoom(path);
        const transfer = found?.view.transfers.find((one) => one.id === id);
        if (transfer !== undefined && !isOver(transfer)) await found?.cancel(id);
      },
    },
  };
}

export function isOver({ status }: RoomTransfer): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Why a transfer of a room ended without its file. */
export function over(transfer: RoomTransfer): Fault {
  const { problem, name = 'The file' } = transfer;
  if (problem === undefined) return refusedFault(name, null);
  return new Fault(problem.code, problem.message);
}

/** Resolves with the size once the receiver has all of it, proven and named. A pause of the other side is no stall. */
async function sent(
  client: RoomClient,
  id: string,
  fill: (told: () => void, signal: AbortSignal) => Promise<number>,
  call: Call = {},
): Promise<number> {
  const beat = () => call.progress?.(0);
  const beating = setInterval(beat, beatMs);
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  const look = () => {
    const transfer = client.view.transfers.find((one) => one.id === id);
    if (transfer === undefined) ended.reject(new Fault('not_found', 'The room has forgotten the transfer.'));
    else if (transfer.status === 'completed') ended.resolve();
    else if (isOver(transfer)) ended.reject(over(transfer));
  };
  const unsubscribe = client.subscribe(look);
  const stopping = new AbortController();
  const stop = () => ended.reject(call.signal?.reason);
  call.signal?.addEventListener('abort', stop, { once: true });
  try {
    look();
    const filling = fill(beat, stopping.signal);
    const [size] = await Promise.all([filling, ended.promise]);
    return size;
  } finally {
    stopping.abort(new Fault('interrupted', 'The file is not sent on for now.'));
    clearInterval(beating);
    unsubscribe();
    call.signal?.removeEventListener('abort', stop);
  }
}
