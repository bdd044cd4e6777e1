// A room's server as a member's client uses it: verbs by HTTP, and the socket `/rooms` with its answers as promises.

import { io, type Socket } from 'socket.io-client';
import type { FrameSocket } from '../links/websocket.ts';
import { asFault, Fault } from '../model/fault.ts';
import { faultFromProblem, faultOfResponse } from '../model/problem.ts';
import type { ContractTransfer, RoomMessage } from '../model/room-contract.ts';
import type { RoomAnswer, RoomClientEvents, RoomReady, RoomServerEvents } from '../model/room-socket.ts';
import type { JoinedView, JoinRoomBody } from '../model/room-views.ts';
import type { Problem } from '../model/views.ts';

export interface RoomServerOptions {
  /** `https://host:port`; '' for the page's own. */
  readonly server: string;
  readonly roomId: string;
  readonly fetch?: typeof fetch;
}

/** A room that the server inspects passes no signals: there greetings go as frames of a link of this name, which is none. */
export const greetingsName = 'greetings';
/** The server has to answer an event within this time. */
const answerMs = 35_000;

export interface RoomServer {
  join(body: JoinRoomBody): Promise<JoinedView>;
  /** By the contract: `path` follows `/rooms/{id}/file-transfer/`. */
  transfer(method: 'POST' | 'DELETE', path: string, body?: object): Promise<ContractTransfer>;
  /** Our own verbs: `path` follows `/api/v1/rooms/{id}/`. */
  room(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<void>;
  /** Of whoever has joined. */
  memberToken: string;
}

/** Each call rejects with the Fault that the server's problem names, or `network`. */
export function roomServer({ server, roomId, fetch: fetching = fetch }: RoomServerOptions): RoomServer {
  const ask = async (method: string, path: string, body: object | undefined) => {
    let response: Response;
    try {
      response = await fetching(server + path, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(self.memberToken === '' ? {} : { authorization: `Bearer ${self.memberToken}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new Fault('network', `The server of the room is not reached (${asFault(cause).message})`, { cause });
    }
    if (!response.ok) throw await faultOfResponse(response);
    return response;
  };
  const self: RoomServer = {
    memberToken: '',
    async join(body) {
      const response = await ask('POST', `/api/v1/rooms/${roomId}/join`, body);
      const joined = (await response.json()) as JoinedView;
      self.memberToken = joined.memberToken;
      return joined;
    },
    async transfer(method, path, body) {
      return (await (await ask(method, `/rooms/${roomId}/file-transfer/${path}`, body)).json()) as ContractTransfer;
    },
    async room(method, path, body) {
      await (await ask(method, `/api/v1/rooms/${roomId}/${path}`, body)).body?.cancel();
    },
  };
  return self;
}

export interface RoomSocketListener {
  ready(ready: RoomReady): void;
  message(message: RoomMessage): void;
  signal(from: string, data: Uint8Array): void;
  /** The connection is gone; it is tried again by itself. */
  away(): void;
  /** For good: removed, closed, another tab of the same member, or the token holds no longer. */
  ended(fault: Fault): void;
}

type SocketEvent = Exclude<keyof RoomClientEvents, 'chunk'>;
type EventData<Event extends SocketEvent> = Parameters<RoomClientEvents[Event]>[0];

export interface RoomSocketPort {
  /** Resolves when the server has answered; rejects with its problem, `network` while it is away. */
  say<Event extends SocketEvent>(event: Event, data: EventData<Event>): Promise<void>;
  readonly frames: FrameSocket;
  close(): void;
}

/** `after` is asked for at each connection: what came since then is told again. */
export function openRoomSocket(
  { server, memberToken, after }: { server: string; memberToken: string; after: () => number },
  listener: RoomSocketListener,
): RoomSocketPort {
  const socket: Socket<RoomServerEvents> = io(`${server}/rooms`, {
    transports: ['websocket'],
    auth: (give: (auth: object) => void) => give({ token: memberToken, after: after() }),
    forceNew: true,
    reconnectionDelay: 250,
    reconnectionDelayMax: 5_000,
  });
  let receive: ((memberId: string, linkName: string, data: Uint8Array) => boolean) | undefined;
  let isOver = false;
  const end = (fault: Fault) => {
    if (isOver) return;
    isOver = true;
    socket.disconnect();
    listener.ended(fault);
  };
  socket.on('ready', (ready) => listener.ready(ready));
  socket.on('message', (message) => listener.message(message));
  socket.on('signal', ({ from, data }) => listener.signal(from, new Uint8Array(data)));
  socket.on('frame', ({ from, link, data }, taken) => {
    if (link === greetingsName) {
      listener.signal(from, new Uint8Array(data));
      taken({ ok: true });
      return;
    }
    const isTaken = receive?.(from, link, new Uint8Array(data)) ?? false;
    taken(isTaken ? { ok: true } : { ok: false });
  });
  socket.on('problem', (problem) => end(faultFromProblem(problem)));
  socket.on('disconnect', (reason) => {
    if (isOver) return;
    listener.away();
    // The server has put it out without a word: it is going down, and comes back.
    if (reason === 'io server disconnect') socket.connect();
  });
  socket.on('connect_error', (error: Error & { data?: Problem }) => {
    listener.away();
    if (error.data === undefined) return;
    const fault = faultFromProblem(error.data);
    if (fault.meaning.retry === 'transient') setTimeout(() => socket.connect(), 1_000);
    else end(fault);
  });

  const emit = async (event: string, data: unknown): Promise<void> => {
    if (!socket.connected) throw new Fault('network', 'The server of the room is away');
    let answer: RoomAnswer;
    try {
      answer = (await (socket as Socket).timeout(answerMs).emitWithAck(event, data)) as RoomAnswer;
    } catch (cause) {
      throw new Fault('network', `The server of the room did not answer (${event})`, { cause });
    }
    if (!answer.ok) throw faultFromProblem(answer.problem);
  };
  return {
    say: (event, data) => emit(event, data),
    frames: {
      send: (to, link, data) => emit('frame', { to, link, data }),
      listen: (listen) => {
        receive = listen;
        return () => {
          if (receive === listen) receive = undefined;
        };
      },
    },
    close() {
      isOver = true;
      socket.disconnect();
    },
  };
}
