// Rooms over Socket.IO, namespace `/rooms`: messages with their numbers, sealed signals, frames of websocket links, and chunks of the contract.

import type { IncomingMessage } from 'node:http';
import type { Namespace, Server, Socket } from 'socket.io';
import { z } from 'zod';
import type { RoomAsker, RoomConnection, Rooms } from '../engine/rooms/rooms.ts';
import { asFault, Fault, type FaultReport, faultFrom } from '../model/fault.ts';
import { roomChecksumSchema, roomIdSchema } from '../model/room-contract.ts';
import { type RoomReady, roomFailCodes } from '../model/room-socket.ts';
import type { Caller } from './caller.ts';
import { problemOf, RequestFault } from './problem.ts';

export interface RoomSocketParts {
  readonly rooms: Rooms;
  /** Rejects with `not_authenticated` and `rate_limited`. */
  identify(request: IncomingMessage, token: string | undefined): Caller;
  lifeOf(caller: Caller): { readonly signal: AbortSignal; release(): void };
  onError(error: unknown): void;
  requireReady(): void;
}

export interface RoomSocket {
  close(): void;
}

const signalBytes = 64 * 1024;
const frameBytes = 1024 * 1024;
/** Frames and chunks of one member that the other side has not acknowledged yet. */
const mostUnderWay = 64;
/** The other side has to take a frame within this time. */
const takenMs = 30_000;
/** Packets that wait for a member that reads nothing: then its connection ends, and it comes back for what it missed. */
const mostUnread = 500;
/** So many, and nobody's signals are added to them. */
const mostUnreadSignals = 50;

const binary = z.custom<Uint8Array>((value) => value instanceof Uint8Array, {
  message: 'Bytes are sent as they are, in binary; base64 and other text is not taken.',
});
const member = z.string().min(1).max(64);
const transfer_id = z.string().min(1).max(64);
const chunks = z
  .int()
  .min(0)
  .max(2 ** 40);
const smaller = (most: number) =>
  binary.refine((bytes) => !(bytes instanceof Uint8Array) || bytes.length <= most, {
    message: `At most ${most} bytes.`,
  });

const handshakeSchema = z.object({
  token: z.string().max(500).optional(),
  room: roomIdSchema.optional(),
  after: z.int().min(0).optional(),
});
const signalSchema = z.object({ to: member, data: smaller(signalBytes) });
const frameSchema = z.object({ to: member, link: z.string().min(1).max(64), data: smaller(frameBytes) });
const progressSchema = z.object({ transfer_id, chunks_received: chunks.optional(), chunks_sent: chunks.optional() });
const checksumSchema = z.object({ transfer_id, checksum: roomChecksumSchema });
const failSchema = z.object({ transfer_id, code: z.enum(roomFailCodes), reason: z.string().max(500).nullish() });

/** What a client may emit, and hears, is in model/room-socket.ts. */
export function attachRoomSocket(io: Server, parts: RoomSocketParts): RoomSocket {
  const { rooms } = parts;
  const namespace: Namespace = io.of('/rooms');
  const sockets = new Map<string, Seat>();

  namespace.use((socket, next) => {
    try {
      parts.requireReady();
      const { token, room, after } = read(handshakeSchema, socket.handshake.auth);
      const caller = parts.identify(socket.request, token);
      const asker: RoomAsker = caller.kind === 'member' ? { memberId: caller.id } : { callerId: caller.id };
      if (room !== undefined) rooms.get(room, asker);
      else if (caller.kind !== 'member') throw new Fault('invalid', 'Name the room: auth {token, room}.');
      Object.assign(socket.data, { caller, asker, room, after });
      next();
    } catch (error) {
      const problem = problemOf(error);
      next(Object.assign(new Error(problem.detail), { data: problem }));
    }
  });
  namespace.on('connection', (socket) => {
    try {
      serve(socket, sockets, parts);
    } catch (error) {
      socket.emit('problem', problemOf(error));
      socket.disconnect(true);
    }
  });
  return { close: () => namespace.disconnectSockets(true) };
}

/** A member's connection, and what waits for its acknowledgement. */
interface Seat {
  readonly socket: Socket;
  readonly waiting: Set<() => void>;
}

function serve(socket: Socket, sockets: Map<string, Seat>, parts: RoomSocketParts): void {
  const { rooms } = parts;
  const { caller, asker, room, after } = socket.data as {
    caller: Caller;
    asker: RoomAsker;
    room: string | undefined;
    after: number | undefined;
  };
  const end = (why: FaultReport) => {
    socket.emit('problem', problemOf(faultFrom(why)));
    socket.disconnect(true);
  };
  const listener = {
    message: (message: unknown) => {
      if (unread(socket) > mostUnread) {
        // No farewell: it would wait behind what is not read.
        cutOff(socket);
      } else socket.emit('message', message);
    },
    ended: end,
  };
  const options = { ...(room === undefined ? {} : { roomId: room }), ...(after === undefined ? {} : { after }) };
  const connection: RoomConnection = rooms.connect(asker, options, listener);
  const me = connection.memberId;
  const seat: Seat = { socket, waiting: new Set() };
  sockets.set(me, seat);
  const life = caller.kind === 'member' ? undefined : parts.lifeOf(caller);
  life?.signal.addEventListener('abort', () => socket.disconnect(true));
  socket.on('disconnect', () => {
    life?.release();
    if (sockets.get(me) === seat) sockets.delete(me);
    for (const gone of [...seat.waiting]) gone();
    connection.close();
  });
  const { missed, gap } = connection;
  socket.emit('ready', { room: connection.room, replayed: missed.length, gap } satisfies RoomReady);
  for (const message of missed) socket.emit('message', message);
  if (life?.signal.aborted === true) socket.disconnect(true);

  let underWay = 0;
  /** Hands something to another member's socket; resolves once it has been taken. */
  const pass = async (to: string, name: string, value: unknown): Promise<void> => {
    const target = sockets.get(to);
    if (target === undefined) throw new Fault('unreachable', 'That member is not connected now.');
    await taken(target, name, value);
  };
  const counted = async (work: () => Promise<void>): Promise<void> => {
    if (underWay >= mostUnderWay) {
      throw new Fault('busy', `${mostUnderWay} frames are under way already; wait for their acknowledgements.`);
    }
    underWay += 1;
    try {
      await work();
    } finally {
      underWay -= 1;
    }
  };

  const verbs: Readonly<Record<string, (data: unknown) => Promise<object>>> = {
    async presence() {
      rooms.said(me);
      return {};
    },
    async signal(data) {
      const { to, data: sealed } = read(signalSchema, data);
      rooms.said(me);
      rooms.admitSignal(me, to);
      const target = sockets.get(to);
      if (target === undefined) throw new Fault('unreachable', 'That member is not connected now.');
      if (unread(target.socket) > mostUnreadSignals) throw new Fault('busy', 'That member reads nothing now.');
      target.socket.emit('signal', { from: me, data: sealed });
      return {};
    },
    async frame(data) {
      const { to, link, data: bytes } = read(frameSchema, data);
      await counted(async () => {
        await rooms.admitFrame(me, to, bytes.length);
        await pass(to, 'frame', { from: me, link, data: bytes });
      });
      return {};
    },
    async chunk(data) {
      const bytes = read(smaller(frameBytes + 8192), data);
      let transfer: object = {};
      await counted(async () => {
        transfer = await rooms.chunk(me, bytes, (receiver, frame) => pass(receiver, 'chunk', frame));
      });
      return { transfer };
    },
    async progress(data) {
      const { transfer_id: id, chunks_received: received, chunks_sent: sent } = read(progressSchema, data);
      rooms.said(me);
      return { transfer: rooms.progress(me, id, { received, sent }) };
    },
    async end(data) {
      const { transfer_id: id, checksum } = read(checksumSchema, data);
      rooms.said(me);
      return { transfer: await rooms.declare(me, id, checksum) };
    },
    async complete(data) {
      const { transfer_id: id, checksum } = read(checksumSchema, data);
      rooms.said(me);
      return { transfer: await rooms.complete(me, id, checksum) };
    },
    async fail(data) {
      const { transfer_id: id, code, reason } = read(failSchema, data);
      rooms.said(me);
      return { transfer: await rooms.fail(me, id, code, reason ?? null) };
    },
  };

  socket.onAny((name: string, ...rest: unknown[]) => {
    const last = rest.at(-1);
    const answer = typeof last === 'function' ? (last as (value: unknown) => void) : undefined;
    const data = rest[0] === last && answer !== undefined ? undefined : rest[0];
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    (async () => {
      if (verb === undefined) throw new Fault('unsupported', `Rooms take no event named ${name.slice(0, 100)}.`);
      answer?.({ ok: true, ...(await verb(data)) });
    })().catch((error: unknown) => {
      if (asFault(error).code === 'internal') parts.onError(error);
      answer?.({ ok: false, problem: problemOf(error) });
    });
  });
}

/** Resolves once the other side has called the acknowledgement; rejects with `unreachable`, `rejected` or `timeout`. */
function taken({ socket, waiting }: Seat, name: string, value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => settle(new Fault('unreachable', 'That member has just gone.'));
    const settle = (fault?: Fault) => {
      waiting.delete(gone);
      if (fault === undefined) resolve();
      else reject(fault);
    };
    waiting.add(gone);
    socket.timeout(takenMs).emit(name, value, (error: Error | null, answer: unknown) => {
      if (error !== null) settle(new Fault('timeout', `That member did not take it within ${takenMs / 1000} s.`));
      else if ((answer as { ok?: unknown } | undefined)?.ok === false) {
        settle(new Fault('rejected', 'That member did not take it.'));
      } else settle();
    });
  });
}

/** Ends a connection without waiting for what it was to be sent. */
function cutOff(socket: Socket): void {
  const { transport } = socket.conn as unknown as { transport: { socket?: { terminate?: () => void } } };
  if (transport.socket?.terminate === undefined) socket.conn.close(true);
  else transport.socket.terminate();
}

/** Packets that the connection has not been able to send yet. */
function unread(socket: Socket): number {
  return (socket.conn as unknown as { writeBuffer?: readonly unknown[] }).writeBuffer?.length ?? 0;
}

function read<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const parsed = schema.safeParse(data);
  if (!parsed.success) throw new RequestFault('data', parsed.error);
  return parsed.data;
}
