// Progress of syncs over Socket.IO as the older contract has it: namespace `/sync`.

import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import { asFault } from '../model/fault.ts';
import type { StoreReader } from '../store/store.ts';
import { type Caller, requireScope } from './caller.ts';
import type { ContractRun } from './contract/contract-progress.ts';
import type { SyncContract } from './contract/sync-contract.ts';
import type { EventHub } from './event-hub.ts';
import { problemOf } from './problem.ts';
import { heartbeatMs } from './server-sent-events.ts';

export interface SyncSocketParts {
  readonly contract: SyncContract;
  readonly hub: EventHub;
  readonly reader: StoreReader;
  /** Undefined where the credentials are nobody's. Rejects with `rate_limited`. */
  identify(request: IncomingMessage, token: string | undefined): Caller | undefined;
  lifeOf(caller: Caller): { readonly signal: AbortSignal; release(): void };
  onError(error: unknown): void;
}

/** One socket follows so many at most. */
const mostFollowed = 100;

/**
 * A client emits `subscribe_progress` and `unsubscribe_progress` {sync_id}; it hears `connected`, `subscribed`, `unsubscribed`, `error`
 * {message}, `sync_progress` (the progress object) and `sync_complete` {sync_id, job_id, status, result} at every end. Who subscribes to a
 * sync that has ended hears both at once.
 */
export function attachSyncSocket(io: Server, parts: SyncSocketParts): void {
  const { contract } = parts;
  const sync = io.of('/sync');
  sync.use((socket, next) => {
    try {
      const { token } = socket.handshake.auth;
      const caller = parts.identify(socket.request, typeof token === 'string' ? token : undefined);
      socket.data.caller = requireScope(caller, 'read');
      next();
    } catch (error) {
      const problem = problemOf(error);
      next(Object.assign(new Error(problem.detail), { data: problem }));
    }
  });
  sync.on('connection', (socket) => {
    const life = parts.lifeOf(socket.data.caller as Caller);
    const followed = new Map<string, AbortController>();
    life.signal.addEventListener('abort', () => socket.disconnect(true));
    if (life.signal.aborted) socket.disconnect(true);
    socket.on('disconnect', () => {
      life.release();
      for (const following of followed.values()) following.abort();
    });
    socket.emit('connected', { message: 'Connected to sync progress' });
    socket.on('subscribe_progress', (data: unknown) => {
      const syncId = syncIdOf(data);
      if (syncId === undefined) return void socket.emit('error', { message: 'sync_id is required' });
      const run = contract.bySyncId(syncId);
      if (run === undefined) return void socket.emit('error', { message: `Unknown sync_id: ${syncId.slice(0, 200)}` });
      socket.emit('subscribed', { sync_id: syncId });
      if (followed.has(syncId)) return;
      if (followed.size >= mostFollowed) {
        return void socket.emit('error', { message: `At most ${mostFollowed} syncs can be followed at once` });
      }
      const following = new AbortController();
      followed.set(syncId, following);
      follow(socket, run, following.signal, parts).catch((error: unknown) => {
        if (following.signal.aborted) return;
        if (asFault(error).code === 'internal') parts.onError(error);
        followed.delete(syncId);
        socket.emit('error', { message: problemOf(error).detail });
      });
    });
    socket.on('unsubscribe_progress', (data: unknown) => {
      const syncId = syncIdOf(data);
      if (syncId === undefined) return void socket.emit('error', { message: 'sync_id is required' });
      followed.get(syncId)?.abort();
      followed.delete(syncId);
      socket.emit('unsubscribed', { sync_id: syncId });
    });
  });
}

function syncIdOf(data: unknown): string | undefined {
  const { sync_id: syncId } = (typeof data === 'object' && data !== null ? data : {}) as { sync_id?: unknown };
  return typeof syncId === 'string' && syncId !== '' ? syncId : undefined;
}

/** Progress as the job's own comes, and at each change of its state. Resolves when the signal is aborted. */
async function follow(
  socket: Socket,
  run: ContractRun,
  signal: AbortSignal,
  { contract, hub, reader }: SyncSocketParts,
): Promise<void> {
  /** Under which end it was told last, so that each is told once. */
  let toldEnd: number | null = null;
  const tell = async () => {
    const progress = await contract.progress(run);
    if (signal.aborted) return;
    const { status, endedAt, result } = await contract.status(run);
    socket.emit('sync_progress', progress);
    if (result === null || endedAt === toldEnd) return;
    toldEnd = endedAt;
    socket.emit('sync_complete', { sync_id: run.syncId, job_id: run.id, status, result });
  };
  // Read before the first word: what happens in between is told.
  const since = await reader.eventCursor();
  await tell();
  await hub.follow(
    { since, jobId: run.jobId, name: 'observation.job.*', signal, heartbeatMs },
    { event: tell, progress: tell, idle: () => Promise.resolve() },
  );
}
