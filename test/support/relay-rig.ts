// The relay on a server of its own, with a room that is kept in memory: who is in it and which transfers there are is up to the test.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { openServer, sendError } from '../../src/api/http-server.ts';
import { addRelayRoutes } from '../../src/api/relay-routes.ts';
import { workerModule } from '../../src/early-thread.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { createRelay, type Relay, type RelayParts } from '../../src/engine/relay/relay.ts';
import { type RelayGate, type RelayTransfer, wireBytes } from '../../src/engine/relay/relay-gate.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { Fault } from '../../src/model/fault.ts';
import { type RelayConfig, relayConfigSchema } from '../../src/model/relay-config.ts';
import { roomsConfigSchema } from '../../src/model/room-config.ts';

export const roomId = 'studio';

/** A room of which everybody is a member whose token is `token-<name>`. */
export interface MemoryGate extends RelayGate {
  readonly members: Set<string>;
  readonly failures: { readonly transferId: string; readonly fault: Fault }[];
  readonly openedUploads: string[];
  readonly movedTransfers: string[];
  add(transfer: Partial<RelayTransfer> & Pick<RelayTransfer, 'id' | 'sizeBytes'>): RelayTransfer;
  setState(transferId: string, state: RelayTransfer['state']): void;
  isAllowed: boolean;
  limit: SharedArrayBuffer | undefined;
}

export function memoryGate(): MemoryGate {
  const transfers = new Map<string, RelayTransfer>();
  const listeners = new Set<(id: string) => void>();
  const members = new Set(['anna', 'ben', 'cleo']);
  const gate: MemoryGate = {
    members,
    failures: [],
    openedUploads: [],
    movedTransfers: [],
    isAllowed: true,
    limit: undefined,
    add(transfer) {
      const whole: RelayTransfer = {
        ...{ roomId, senderId: 'anna', receiverId: 'ben', fileName: 'film.mov', mimeType: 'video/quicktime' },
        ...{ inspection: 'none', state: 'active' },
        ...transfer,
      };
      transfers.set(whole.id, whole);
      return whole;
    },
    setState(transferId, state) {
      const known = transfers.get(transferId);
      if (known === undefined) throw new Error(`no transfer ${transferId}`);
      transfers.set(transferId, { ...known, state });
      for (const listener of listeners) listener(transferId);
    },
    memberOf: async (room, bearer) => {
      const name = bearer.replace(/^token-/, '');
      return room === roomId && bearer.startsWith('token-') && members.has(name) ? name : undefined;
    },
    transfer: (room, id) => (transfers.get(id)?.roomId === room ? transfers.get(id) : undefined),
    admits() {
      if (!gate.isAllowed) throw new Fault('not_authorised', 'This room has no relay.');
    },
    bandwidth: () => gate.limit,
    opened: (_transfer, { id }) => void gate.openedUploads.push(id),
    moved: (id) => void gate.movedTransfers.push(id),
    failed: (transferId, fault) => void gate.failures.push({ transferId, fault }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return gate;
}

export interface RelayRig {
  readonly gate: MemoryGate;
  readonly relay: Relay;
  readonly url: string;
  /** Where uploads lie. */
  readonly folder: string;
  /** Of the room: `POST` here begins an upload. */
  readonly endpoint: string;
  ask(
    path: string,
    member: string | null,
    init?: RequestInit & { headers?: Record<string, string> },
  ): Promise<Response>;
  /** An upload for the transfers, as their sender makes it; gives its path. */
  create(transferIds: readonly string[], sizeBytes: number, firstFrame?: number): Promise<string>;
  patch(path: string, offset: number, body: Uint8Array): Promise<Response>;
  offset(path: string): Promise<number>;
  read(path: string, member?: string, from?: number, signal?: AbortSignal): Promise<Response>;
  acknowledge(path: string, offset: number, member?: string): Promise<Response>;
  /** Bytes and names of all files below the relay's folder. */
  onDisk(): { readonly names: readonly string[]; readonly bytes: number };
  close(): Promise<void>;
}

export const tus = { 'tus-resumable': '1.0.0' };

export async function openRelayRig(
  options: {
    readonly config?: Partial<RelayConfig>;
    readonly gate?: MemoryGate;
    readonly port?: number;
    /** Kept where it is given. */
    readonly folder?: string;
    readonly parts?: Partial<RelayParts>;
    /** What the same server answers beside the relay. */
    readonly routes?: (server: FastifyInstance) => void;
  } = {},
): Promise<RelayRig> {
  const home = options.folder ?? mkdtempSync(join(tmpdir(), 'wherry-relay-'));
  const folder = join(home, 'relay');
  const gate = options.gate ?? memoryGate();
  const mounts = openMounts({ modules: [workerModule('engine/relay/spool-operations')] });
  const nowhere = () => undefined;
  const config = { ...relayConfigSchema.parse({ reserve: 0 }), ...options.config };
  const { types } = roomsConfigSchema.parse({});
  const relay = createRelay({
    ...{ gate, mounts, folder, keyFile: join(home, 'relay.key'), config: () => config, clock: systemClock },
    types: () => types,
    newId: idSource(systemClock, systemRandom),
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere },
    ...options.parts,
  });
  await relay.start();
  const log = { info: nowhere, warn: nowhere, error: (details: object) => console.error(details) };
  const server = openServer({ tls: null, log });
  server.setErrorHandler((error: Error, request, reply) =>
    sendError(error, request, reply, { log, retryAfterSeconds: () => 1 }),
  );
  options.routes?.(server);
  addRelayRoutes(server, { relay, gate, requireReady: nowhere });
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const endpoint = `${url}/api/v1/rooms/${roomId}/relay`;
  const ask: RelayRig['ask'] = (path, member, init = {}) =>
    fetch(url + path, {
      ...init,
      headers: { ...(member === null ? {} : { authorization: `Bearer token-${member}` }), ...init.headers },
    });
  return {
    ...{ gate, relay, url, folder, endpoint, ask },
    async create(transferIds, sizeBytes, firstFrame = 0) {
      const answer = await ask(new URL(endpoint).pathname, 'anna', {
        method: 'POST',
        headers: {
          ...tus,
          'upload-length': String(sizeBytes),
          'upload-metadata': metadataOf({ transfer_id: transferIds.join(','), first_frame: String(firstFrame) }),
        },
      });
      if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
      return answer.headers.get('location') ?? '';
    },
    patch: (path, offset, body) =>
      ask(path, 'anna', {
        method: 'PATCH',
        headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
        body: body as Uint8Array<ArrayBuffer>,
      }),
    async offset(path) {
      const answer = await ask(path, 'anna', { method: 'HEAD', headers: tus });
      return Number(answer.headers.get('upload-offset') ?? Number.NaN);
    },
    read: (path, member = 'ben', from = 0, signal) =>
      ask(path, member, { headers: { range: `bytes=${from}-` }, ...(signal === undefined ? {} : { signal }) }),
    acknowledge: (path, offset, member = 'ben') =>
      ask(`${path}/acknowledged`, member, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ offset }),
      }),
    onDisk() {
      const names = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
      const sizes = names.map((name) => statSync(join(folder, name), { throwIfNoEntry: false }));
      const bytes = sizes.reduce((sum, stats) => sum + (stats?.isFile() ? stats.size : 0), 0);
      return { names, bytes };
    },
    async close() {
      await relay.close();
      await server.close();
      await mounts.close();
      if (options.folder === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}

export function metadataOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

/** Bytes of encrypted content that could be: any will do, the server makes no sense of them. */
export function wireContent(fileBytes: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wireBytes(fileBytes));
  let state = seed * 2_654_435_761;
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state;
  }
  return bytes;
}
