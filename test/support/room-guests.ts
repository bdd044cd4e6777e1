// Members of a room as tests need them: each asks by HTTP with its own token, and listens by the real client of Socket.IO.

import { createHash, randomBytes } from 'node:crypto';
import { io, type Socket } from 'socket.io-client';
import { encodeChunk } from '../../src/model/chunk-frame.ts';
import type { ContractTransfer, RoomMessage, RoomTransferView } from '../../src/model/room-contract.ts';
import type { RoomReady } from '../../src/model/room-socket.ts';
import type { CreateRoomBody, JoinedView } from '../../src/model/room-views.ts';
import type { Problem } from '../../src/model/views.ts';
import { adminToken } from './api-rig.ts';

export type Answer<Value = { transfer: RoomTransferView }> = ({ ok: true } & Value) | { ok: false; problem: Problem };

export interface Guest {
  readonly id: string;
  readonly token: string;
  readonly joined: JoinedView;
  /** By HTTP; the body is JSON. */
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: never }>;
  /** The contract's routes of this room, below `/rooms/{id}/file-transfer/`. */
  file(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: ContractTransfer & Pick<Problem, 'code' | 'detail'> }>;
  connect(after?: number): Promise<GuestSocket>;
}

export interface GuestSocket {
  readonly socket: Socket;
  readonly ready: RoomReady;
  readonly messages: RoomMessage[];
  /** The first message that fits, of those that came and those that will. */
  message(type: string, fits?: (message: RoomMessage) => boolean): Promise<RoomMessage>;
  emit<Value = { transfer: RoomTransferView }>(name: string, data: unknown): Promise<Answer<Value>>;
  close(): void;
}

export interface RoomScene {
  readonly id: string;
  readonly joinKey: string;
  readonly host: Guest;
  join(name: string, more?: { memberToken?: string; joinKey?: string }): Promise<Guest>;
  /** As `join`, whatever comes of it. */
  knock(name: string, more?: { memberToken?: string; joinKey?: string }): Promise<Response>;
}

export function hexHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A room made by the holder of the token. `url` is asked anew each time: a daemon may come back at another port. */
export async function openRoom(
  url: () => string,
  wish: Partial<CreateRoomBody> = {},
  token = adminToken,
): Promise<RoomScene> {
  const joinKey = randomBytes(32);
  const id = wish.id ?? `room-${randomBytes(8).toString('hex')}`;
  const answer = await fetch(`${url()}/api/v1/rooms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id, name: 'Rushes', joinHash: hexHash(joinKey), memberName: 'Hanna', ...wish }),
  });
  if (answer.status !== 201) throw new Error(`No room was made: ${answer.status} ${await answer.text()}`);
  const knock: RoomScene['knock'] = (name, more = {}) =>
    fetch(`${url()}/api/v1/rooms/${id}/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ joinKey: joinKey.toString('base64url'), name, ...more }),
    });
  return {
    ...{ id, joinKey: joinKey.toString('base64url'), knock },
    host: guest(url, (await answer.json()) as JoinedView),
    async join(name, more) {
      const joined = await knock(name, more);
      if (joined.status !== 200) throw new Error(`${name} was not let in: ${joined.status} ${await joined.text()}`);
      return guest(url, (await joined.json()) as JoinedView);
    },
  };
}

function guest(url: () => string, joined: JoinedView): Guest {
  const { memberToken: token, member, room } = joined;
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(url() + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as never };
  };
  return {
    ...{ id: member.id, token, joined, ask },
    file: (method, path, body) => ask(method, `/rooms/${room.id}/file-transfer/${path}`, body),
    connect: (after) => connectSocket(url(), { token, ...(after === undefined ? {} : { after }) }),
  };
}

/** Rejects with the error of the handshake. */
export async function connectSocket(
  url: string,
  auth: Readonly<Record<string, unknown>>,
  headers: Record<string, string> = {},
): Promise<GuestSocket> {
  const socket = io(`${url}/rooms`, {
    auth,
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: headers,
  });
  const messages: RoomMessage[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (message: RoomMessage) => {
    messages.push(message);
    for (const look of [...waiting]) look();
  });
  const ready = await new Promise<RoomReady>((resolve, reject) => {
    socket.on('ready', resolve);
    socket.on('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
  return {
    ...{ socket, ready, messages },
    message: (type, fits = () => true) =>
      new Promise((resolve) => {
        const look = () => {
          const found = messages.find((message) => message.type === type && fits(message));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    emit: (name, data) => socket.emitWithAck(name, data),
    close: () => void socket.close(),
  };
}

/** The chunk frame of a file's nth chunk, with what `wrong` says in its header. */
export function chunkOf(
  { transfer_id, chunk_size, total_chunks }: ContractTransfer,
  content: Uint8Array,
  index: number,
  wrong: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const bytes = content.subarray(index * chunk_size, (index + 1) * chunk_size);
  const header = { transfer_id, chunk_index: index, total_chunks, chunk_size, checksum: hexHash(bytes), ...wrong };
  return encodeChunk(header, bytes);
}
