// A membership of a room while its job runs: joins, takes what the rules allow, offers what is to be sent, and follows what becomes of it.

import { hostname } from 'node:os';
import { asFault, Fault } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { displayPath, safeRelativePath } from '../../model/names.ts';
import { parseInvite } from '../../model/room-invite.ts';
import type { ShareSpec } from '../../model/share-spec.ts';
import type { Publishing, Transfer } from '../../model/transfer.ts';
import { restingStates, transferStates } from '../../model/transfer.ts';
import type { SourceFile } from '../../peer/files.ts';
import type { RoomClient, RoomTransfer } from '../../peer/room-client.ts';
import type { ModeHost, ModeRun, NewTransfer } from '../mode.ts';
import { moveOptions } from '../move-options.ts';
import { compileAcceptRules } from './accept-rules.ts';
import type { Memberships } from './memberships.ts';
import { OutgoingFile } from './outgoing-file.ts';
import { pathInRoom, roomAddress, transferInRoom } from './room-address.ts';
import { isOver, type Membership, over } from './room-place.ts';
import { type SentFile, sentFiles } from './sent-files.ts';

/** What a membership says of itself while it runs. */
export interface ShareStatus {
  readonly connection: RoomClient['view']['connection'];
  readonly room: string | null;
  readonly members: number;
  readonly problem: string | null;
}

/** What brings a member into a room; `ticket` is that of an earlier run. */
export type JoinRoom = (request: {
  readonly invite: string;
  readonly name: string;
  readonly ticket: { readonly memberToken: string; readonly after: number } | undefined;
}) => Promise<{
  readonly client: RoomClient;
  /** Once the client is closed: gives back what it needed beside itself. */
  release(): void;
}>;

export interface ShareParts {
  readonly memberships: Memberships;
  readonly join: JoinRoom;
}

const tickets = 'room.membership';
/** Offers that wait for an answer at once. */
const mostPending = 50;
/** As many as the server lets one member move. */
const atOnce = 5;
const joinAgainMs = 5_000;
/** What somebody does to a row that waits is not told here. */
const lookMs = 5_000;

export function openShare(job: Job, host: ModeHost, parts: ShareParts): ModeRun {
  return new ShareRun(job, host, parts);
}

class ShareRun implements ModeRun {
  readonly mostAtOnce: number;
  readonly atEndpoint: number;
  readonly bandwidth: string | null;
  readonly #job: Job;
  readonly #host: ModeHost;
  readonly #parts: ShareParts;
  readonly #spec: ShareSpec;
  readonly #judgeOffer: ReturnType<typeof compileAcceptRules>;
  /** Rows by the room's id of the transfer. */
  readonly #rows = new Map<string, Transfer>();
  #member: Membership | undefined;
  /** All that was to be offered has been. */
  #offered = false;
  #wake: () => void = () => undefined;

  constructor(job: Job, host: ModeHost, parts: ShareParts) {
    this.#job = job;
    this.#host = host;
    this.#parts = parts;
    this.#spec = job.spec as ShareSpec;
    this.#judgeOffer = compileAcceptRules(this.#spec.accept, this.#spec.to !== null);
    this.mostAtOnce = this.#spec.transfers ?? atOnce;
    this.atEndpoint = this.mostAtOnce;
    this.bandwidth = this.#spec.bandwidth;
  }

  get status(): ShareStatus {
    const view = this.#member?.client.view;
    return {
      connection: view?.connection ?? 'joining',
      room: view?.room.name ?? null,
      members: view?.members.length ?? 0,
      problem: view?.problem?.message ?? null,
    };
  }

  async find(signal: AbortSignal): Promise<void> {
    for await (const row of this.#host.rows(transferStates)) this.#rows.set(roomIdOf(row), row);
    const { client, release } = await this.#join(signal);
    const member: Membership = {
      client,
      incoming: new Map(),
      outgoing: new Map(),
      facts: new Map(),
      letGo: (id) => this.#letGo(id),
    };
    this.#member = member;
    this.#parts.memberships.join(this.#job.id, member);
    try {
      await this.#beThere(member, signal);
    } finally {
      this.#parts.memberships.leave(this.#job.id);
      await this.#remember(client);
      for (const file of member.incoming.values()) file.fail(interrupted());
      for (const file of member.outgoing.values()) file.fail(interrupted());
      if (signal.aborted) await client.close();
      else await client.leave().catch(() => client.close());
      release();
    }
  }

  options() {
    // What the other side can say of the content is its SHA-256.
    return { ...moveOptions(this.#spec), algorithm: 'sha256' as const };
  }

  /** The other side has the same content, or the file does not get its name. */
  async publishing(transfer: Transfer, { hash }: Publishing): Promise<void> {
    const id = roomIdOf(transfer);
    const member = this.#member;
    if (member === undefined) throw interrupted();
    if (isIncoming(transfer)) {
      const file = member.incoming.get(id);
      if (file === undefined) throw interrupted();
      return await file.agreed(hash.value);
    }
    const there = member.client.view.transfers.find((one) => one.id === id)?.checksum;
    if (there === hash.value) return;
    const name = displayPath(transfer.source.path);
    throw new Fault('corrupt', `${name} has not the same SHA-256 at its receiver as it has here.`);
  }

  async arrived(transfer: Transfer): Promise<void> {
    const id = roomIdOf(transfer);
    this.#rows.set(id, transfer);
    this.#member?.incoming.get(id)?.arrived();
    this.#member?.incoming.delete(id);
    this.#member?.outgoing.delete(id);
    this.#wake();
  }

  /** What has ended in the room is not tried again. */
  async judge(transfer: Transfer, fault: Fault): Promise<Fault> {
    const there = this.#inRoom(roomIdOf(transfer));
    return there !== undefined && isOver(there) && there.status !== 'completed' ? over(there) : fault;
  }

  stopped(transfer: Transfer, fault: Fault): void {
    const id = roomIdOf(transfer);
    this.#rows.set(id, transfer);
    if (transfer.state !== 'failed') return;
    this.#wake();
    const there = this.#inRoom(id);
    if (there === undefined || isOver(there)) return;
    this.#quietly(this.#member?.client.cancel(id), `It failed here (${fault.code}), and could not be taken back.`);
  }

  async #join(signal: AbortSignal): ReturnType<JoinRoom> {
    for (;;) {
      signal.throwIfAborted();
      const ticket = (await this.#host.reader.document(tickets, this.#job.id)) as
        | { memberToken: string; after: number }
        | undefined;
      const name = this.#spec.as ?? hostname();
      try {
        const joined = await this.#parts.join({ invite: this.#spec.room, name, ticket });
        if (signal.aborted) {
          await joined.client.close();
          joined.release();
        }
        signal.throwIfAborted();
        await this.#host.endWait();
        await this.#remember(joined.client);
        return joined;
      } catch (error) {
        signal.throwIfAborted();
        const fault = asFault(error);
        if (fault.meaning.retry !== 'transient') throw fault;
        await this.#host.wait('backoff', fault, this.#host.clock.now() + joinAgainMs);
        await this.#host.clock.sleep(joinAgainMs, signal);
      }
    }
  }

  async #remember({ ticket }: RoomClient): Promise<void> {
    await this.#host.write([{ kind: 'put_document', collection: tickets, key: this.#job.id, value: { ...ticket } }]);
  }

  /** Resolves when there is nothing more to wait for here; rejects where the room shuts this member out. */
  async #beThere(member: Membership, signal: AbortSignal): Promise<void> {
    const { client } = member;
    let changed = Promise.withResolvers<void>();
    const wake = () => changed.resolve();
    this.#wake = wake;
    const unsubscribe = client.subscribe(wake);
    signal.addEventListener('abort', wake);
    let trouble: unknown;
    const offering = this.#offerAll(member, signal)
      .catch((error: unknown) => {
        trouble = error;
      })
      .finally(wake);
    try {
      for (;;) {
        changed = Promise.withResolvers<void>();
        signal.throwIfAborted();
        if (trouble !== undefined) throw trouble;
        const { connection, problem } = client.view;
        for (const transfer of client.view.transfers) await this.#follow(transfer, member);
        if (connection === 'closed') {
          if (problem === undefined) return;
          throw new Fault(problem.code, problem.message);
        }
        if (this.#offered && !this.#spec.stay && this.#spec.to === null && (await this.#allRest(client))) return;
        const heard = new AbortController();
        this.#host.clock.sleep(lookMs, heard.signal).then(wake, () => undefined);
        await changed.promise;
        heard.abort();
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', wake);
      await offering;
    }
  }

  /** In the room and in the ledger. */
  async #allRest({ view }: RoomClient): Promise<boolean> {
    if (view.transfers.some((transfer) => transfer.part === 'sending' && !isOver(transfer))) return false;
    for (const [id, known] of this.#rows) {
      if (restingStates.includes(known.state)) continue;
      const row = await this.#host.reader.transfer(known.id);
      if (row !== undefined) this.#rows.set(id, row);
      if (row !== undefined && !restingStates.includes(row.state)) return false;
    }
    return true;
  }

  async #follow(transfer: RoomTransfer, member: Membership): Promise<void> {
    const row = this.#rows.get(transfer.id);
    if (transfer.part === 'receiving' && row === undefined) {
      if (transfer.status === 'pending') await this.#take(transfer, member);
    } else if (row !== undefined && transfer.part !== 'watching') {
      if (isOver(transfer) && transfer.status !== 'completed') await this.#ended(transfer, row, member);
      else if (transfer.part === 'sending') await this.#send(transfer, row, member);
    }
  }

  async #take(transfer: RoomTransfer, { client }: Membership): Promise<void> {
    const { id, name = '', sizeBytes } = transfer;
    const from = client.view.members.find((member) => member.id === transfer.senderId)?.name ?? '';
    const why =
      whyUnsafe(name) ??
      this.#judgeOffer({ from, name, sizeBytes, mediaType: transfer.mimeType ?? 'application/octet-stream' });
    if (why !== undefined) return this.#quietly(client.reject(id, why), 'An offer could not be rejected.');
    this.#host.found(1, sizeBytes);
    const [row] = await this.#host.add(
      [this.#newTransfer(this.#address, pathInRoom(id, name), this.#spec.to ?? '', safeRelativePath(name), transfer)],
      'queued',
    );
    if (row !== undefined) this.#rows.set(id, row);
  }

  /** Its receiver has answered, or this member has come back. */
  async #send(transfer: RoomTransfer, row: Transfer, member: Membership): Promise<void> {
    if (transfer.needs === 'file') {
      const { source } = row;
      const entry = await (await this.#host.open(source.endpoint)).stat(source.path);
      if (entry === undefined) return this.#quietly(member.client.cancel(transfer.id), 'It could not be taken back.');
      const { name = '' } = transfer;
      const file = this.#fileOf({ entry, name, mimeType: transfer.mimeType }, transfer.id, member);
      await member.client.giveAgain(transfer.id, file).catch(async (error: unknown) => {
        this.#host.log.warn({ fault: asFault(error).report() }, 'A file could not be given to the room again');
        await member.client.cancel(transfer.id).catch(() => undefined);
      });
    }
    if (row.state !== 'discovered' || transfer.status === 'pending') return;
    const after = await this.#host.advance(row, 'queue');
    if (after !== undefined) this.#rows.set(transfer.id, after);
  }

  async #ended(transfer: RoomTransfer, known: Transfer, member: Membership): Promise<void> {
    const fault = over(transfer);
    member.incoming.get(transfer.id)?.fail(fault);
    member.outgoing.get(transfer.id)?.fail(fault);
    const row = await this.#host.reader.transfer(known.id);
    if (row === undefined || !['discovered', 'queued', 'waiting'].includes(row.state)) return;
    const after = await this.#host.advance(row, 'fail', { error: fault.report() });
    if (after !== undefined) this.#rows.set(transfer.id, after);
  }

  async #offerAll(member: Membership, signal: AbortSignal): Promise<void> {
    const { client } = member;
    const spec = this.#spec;
    if (spec.send.length > 0) {
      const receivers = await this.#receivers(client, signal);
      const before = new Set([...this.#rows.values()].map(({ source }) => `${source.endpoint}\n${source.path}`));
      for await (const sent of sentFiles(spec, (address) => this.#host.open(address), { signal })) {
        if (before.has(`${sent.root.name}\n${sent.path}`)) continue;
        for (const receiver of receivers) await this.#offer(sent, receiver, member, signal);
      }
    }
    this.#offered = true;
  }

  async #receivers(client: RoomClient, signal: AbortSignal): Promise<readonly string[]> {
    const { receivers } = this.#spec;
    const found = () => {
      const { me, members } = client.view;
      const others = members.filter(({ id, role, present }) => id !== me.id && role !== 'observer' && present);
      if (receivers.length === 0) return others.length > 0 ? others : undefined;
      const named = receivers.map((name) => others.find((other) => other.name === name || other.id === name));
      return named.every((one) => one !== undefined) ? named : undefined;
    };
    await until(client, () => found() !== undefined || client.view.connection === 'closed', signal);
    return (found() ?? []).map(({ id }) => id);
  }

  async #offer(sent: SentFile, receiver: string, member: Membership, signal: AbortSignal): Promise<void> {
    const { client } = member;
    const pending = () =>
      client.view.transfers.filter(({ part, status }) => part === 'sending' && status === 'pending').length;
    await until(client, () => pending() < mostPending || client.view.connection === 'closed', signal);
    const { entry, name } = sent;
    this.#host.found(1, entry.sizeBytes);
    // Known by the room only once it is offered.
    const lateId = Promise.withResolvers<string>();
    const file = this.#fileOf({ entry, name, mimeType: undefined }, lateId.promise, member);
    let offered: RoomTransfer | undefined;
    try {
      [offered] = await client.offer([receiver], [file]);
    } catch (error) {
      signal.throwIfAborted();
      lateId.promise.catch(() => undefined);
      lateId.reject(error);
      const refused = this.#newTransfer(sent.root.name, sent.path, this.#address, pathInRoom(refusedId, name), entry);
      await this.#host.refuse([{ file: refused, fault: asFault(error) }]);
      return;
    }
    if (offered === undefined) return;
    const [row] = await this.#host.add(
      [this.#newTransfer(sent.root.name, sent.path, this.#address, pathInRoom(offered.id, name), entry)],
      'discovered',
    );
    if (row !== undefined) this.#rows.set(offered.id, row);
    this.#outgoing(offered.id, entry.sizeBytes, member);
    lateId.resolve(offered.id);
    // Its answer may have come before its row.
    const now = this.#inRoom(offered.id);
    if (now !== undefined) await this.#follow(now, member);
  }

  #fileOf(
    { entry, name, mimeType }: { entry: SentFile['entry']; name: string; mimeType: string | undefined },
    id: string | Promise<string>,
    member: Membership,
  ): SourceFile {
    const { sizeBytes, mtimeMs } = entry;
    if (typeof id === 'string') this.#outgoing(id, sizeBytes, member);
    return {
      ...{ name, sizeBytes, mtimeMs },
      // Left to the server, which knows endings.
      mimeType: mimeType ?? '',
      version: `${sizeBytes}-${mtimeMs}`,
      read: async (from, to) => {
        const file = member.outgoing.get(await id);
        if (file === undefined) throw interrupted();
        return file.read(from, to);
      },
    };
  }

  #outgoing(id: string, sizeBytes: number, member: Membership): void {
    if (!member.outgoing.has(id)) member.outgoing.set(id, new OutgoingFile(sizeBytes));
  }

  #newTransfer(
    fromPlace: string,
    from: string,
    toPlace: string,
    to: string,
    { sizeBytes, mtimeMs = null }: { readonly sizeBytes: number; readonly mtimeMs?: number | null },
  ): NewTransfer {
    return {
      source: { endpoint: fromPlace, path: from },
      destination: { endpoint: toPlace, path: to },
      sizeBytes,
      mtimeMs,
      fileMode: null,
    };
  }

  /** The mover has stopped reading: a person's pause and cancel are told to the sender, anything else is tried again soon. */
  #letGo(id: string): void {
    const known = this.#rows.get(id);
    const client = this.#member?.client;
    if (known === undefined || client === undefined) return;
    client.letGo(id);
    const tell = async () => {
      const row = await this.#host.reader.transfer(known.id);
      const there = this.#inRoom(id);
      if (there === undefined || isOver(there)) return;
      if (row?.state === 'cancelled') await client.cancel(id);
      else if (row?.state === 'paused' || row?.state === 'waiting') await client.pause(id);
    };
    this.#quietly(
      this.#host.clock.sleep(letGoMs).then(tell),
      'The sender could not be told that a file is not read on.',
    );
  }

  #inRoom(id: string): RoomTransfer | undefined {
    return this.#member?.client.view.transfers.find((one) => one.id === id);
  }

  #quietly(doing: Promise<unknown> | undefined, what: string): void {
    doing?.catch((error: unknown) => {
      this.#host.log.debug({ jobId: this.#job.id, fault: asFault(error).report() }, what);
    });
  }

  get #address(): string {
    const { server, roomId } = parseInvite(this.#spec.room);
    return roomAddress(this.#job.id, server, roomId);
  }
}

/** Stands for the room's id of what it would not take an offer of. */
const refusedId = 'refused';

/** True for a row of what the room would not take an offer of. */
export function isRefused({ destination }: Transfer): boolean {
  return destination.endpoint.startsWith('room://') && transferInRoom(destination.path) === refusedId;
}

/** Its row is written by then. */
const letGoMs = 500;

/** The room's id of the transfer: of what comes in by its source, of what goes out by its destination. */
function roomIdOf(row: Transfer): string {
  return transferInRoom(isIncoming(row) ? row.source.path : row.destination.path);
}

function isIncoming({ source }: Transfer): boolean {
  return source.endpoint.startsWith('room://');
}

function interrupted(): Fault {
  return new Fault('interrupted', 'This member is not in the room now.');
}

function whyUnsafe(name: string): string | undefined {
  try {
    safeRelativePath(name);
    return undefined;
  } catch (error) {
    return asFault(error).message;
  }
}

/** Resolves once `holds`, looked at after each change; rejects with the signal's reason. */
async function until(client: RoomClient, holds: () => boolean, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (holds()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const unsubscribe = client.subscribe(() => {
    if (holds()) resolve();
  });
  try {
    await promise;
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', stop);
  }
}
