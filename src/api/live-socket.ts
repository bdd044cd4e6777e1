// The event stream and commands over Socket.IO: namespace `/events`.

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { Server, type Socket } from 'socket.io';
import type { Rooms } from '../engine/rooms/rooms.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { Problem } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import type { Audit } from './audit.ts';
import { type Caller, requireScope } from './caller.ts';
import { type CommandParts, isTaken, runCommand } from './commands.ts';
import type { SyncContract } from './contract/sync-contract.ts';
import type { EventHub } from './event-hub.ts';
import { eventView } from './present.ts';
import { problemOf } from './problem.ts';
import { attachRoomSocket } from './room-socket.ts';
import { heartbeatMs } from './server-sent-events.ts';
import { attachSyncSocket } from './sync-socket.ts';

/** Packets that may wait for a slow connection; the rest stays in the ledger until they are gone. */
const mostBufferedPackets = 64;

export interface LiveSocketParts extends CommandParts {
  readonly reader: StoreReader;
  readonly hub: EventHub;
  /** True for a foreign origin whose pages may ask with a token. */
  isAllowedOrigin(origin: string): boolean;
  /** Rejects with `not_authorised` for a foreign Host or Origin; looked at before the upgrade. */
  admit(request: IncomingMessage): void;
  /** Undefined where the credentials are nobody's. Rejects with `rate_limited`. */
  identify(request: IncomingMessage, token: string | undefined): Caller | undefined;
  readonly contract: SyncContract;
  /** As `identify`, of who speaks the sync contract. */
  identifyContract(request: IncomingMessage, token: string | undefined): Caller | undefined;
  readonly rooms: Rooms;
  /** Whose token it is: a member's, or one of the API. Rejects with `not_authenticated` and `rate_limited`. */
  identifyMember(request: IncomingMessage, token: string | undefined): Caller;
  /** A signal that ends with the caller's token or session, or when the API closes. */
  lifeOf(caller: Caller): { readonly signal: AbortSignal; release(): void };
  readonly audit: Audit;
  onError(error: unknown): void;
  /** Rejects with `unreachable` while the engine has not started. */
  requireReady(): void;
}

export interface LiveSocket {
  close(): Promise<void>;
}

/**
 * A listener gives `auth: { token?, since? }`: the token (a console page goes by its cookie) and the cursor of the last event seen
 * (left out: from now on). It hears `ready` {cursor}, `event` (EventView) and `progress` (ProgressView), and may emit commands by
 * their event names with {id} and an acknowledgement, which is given {ok: true, …} or {ok: false, problem}.
 */
export function attachLiveSocket(server: HttpServer, parts: LiveSocketParts): LiveSocket {
  const io = new Server(server, {
    path: '/socket.io',
    serveClient: false,
    // A chunk of a room's file has 1 MiB at most, beside its header.
    maxHttpBufferSize: 1024 * 1024 + 8192,
    connectTimeout: 10_000,
    // A member whose network has gone is missed before its silence ends a transfer.
    pingInterval: 10_000,
    pingTimeout: 15_000,
    cors: {
      origin: (origin, answer) => answer(null, origin !== undefined && parts.isAllowedOrigin(origin)),
      credentials: false,
    },
    allowRequest: (request, answer) => {
      try {
        parts.admit(request);
        answer(null, true);
      } catch (error) {
        answer(asFault(error).message, false);
      }
    },
  });
  io.use((_socket, next) => next(new Error('Connect to the namespace /events, /rooms or /sync.')));

  attachSyncSocket(io, { ...parts, identify: parts.identifyContract });
  const rooms = attachRoomSocket(io, { ...parts, identify: parts.identifyMember });
  const events = io.of('/events');
  events.use((socket, next) => {
    try {
      const { token } = socket.handshake.auth;
      const caller = parts.identify(socket.request, typeof token === 'string' ? token : undefined);
      socket.data.caller = requireScope(caller, 'management');
      next();
    } catch (error) {
      const problem = problemOf(error);
      next(Object.assign(new Error(problem.detail), { data: problem }));
    }
  });
  events.on('connection', (socket) => {
    serve(socket, parts).catch((error: unknown) => {
      if (asFault(error).code === 'internal') parts.onError(error);
      socket.emit('problem', problemOf(error));
      socket.disconnect(true);
    });
  });
  return {
    async close() {
      rooms.close();
      io.disconnectSockets(true);
      // Not io.close(), which would close the HTTP server under whoever owns it.
      io.engine.close();
    },
  };
}

async function serve(socket: Socket, parts: LiveSocketParts): Promise<void> {
  const caller = socket.data.caller as Caller;
  const life = parts.lifeOf(caller);
  const gone = new AbortController();
  socket.on('disconnect', () => gone.abort());
  life.signal.addEventListener('abort', () => socket.disconnect(true));
  if (life.signal.aborted) socket.disconnect(true);

  socket.onAny((name: string, ...rest: unknown[]) => {
    const acknowledge = rest.at(-1);
    const data = rest[0] === acknowledge ? undefined : rest[0];
    const answer = (value: unknown) => typeof acknowledge === 'function' && acknowledge(value);
    const refuse = (error: unknown) => {
      if (asFault(error).code === 'internal') parts.onError(error);
      answer({ ok: false, problem: problemOf(error) } satisfies { ok: false; problem: Problem });
    };
    (async () => {
      if (!isTaken(name)) throw new Fault('unsupported', `This daemon takes no event named ${name.slice(0, 200)}.`);
      requireScope(caller, 'write');
      parts.requireReady();
      const done = await runCommand(name, data, parts, caller.name);
      const address = socket.request.socket.remoteAddress ?? '';
      await parts.audit.note({ caller, address, action: name, params: undefined, body: data });
      answer(done);
    })().catch(refuse);
  });

  let buffered = 0;
  socket.conn.on('drain', () => {
    buffered = 0;
  });
  const send = async (name: string, value: unknown): Promise<void> => {
    if (gone.signal.aborted) return;
    socket.emit(name, value);
    buffered += 1;
    if (buffered >= mostBufferedPackets) await drained(socket, gone.signal);
  };
  try {
    const { since } = socket.handshake.auth;
    const cursor = typeof since === 'string' ? since : await parts.reader.eventCursor();
    await send('ready', { cursor });
    await parts.hub.follow(
      { since: cursor, signal: gone.signal, heartbeatMs },
      {
        event: (event) => send('event', eventView(event)),
        progress: (progress) => send('progress', progress),
        // Engine.IO pings by itself.
        idle: () => Promise.resolve(),
      },
    );
  } finally {
    life.release();
  }
}

function drained(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      socket.conn.off('drain', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    socket.conn.on('drain', go);
    signal.addEventListener('abort', go);
  });
}
