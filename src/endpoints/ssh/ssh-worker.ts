// The thread of one SSH connection: encryption and protocol happen here, so that nobody else waits for them.

import { setTimeout } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { asFault, Fault, faultFrom } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { joinPath } from '../../model/names.ts';
import { packEntries } from '../packed-entries.ts';
import { fillRing } from '../ring-files.ts';
import type {
  FarOperations,
  FarPlace,
  FromThread,
  HostFacts,
  NotPut,
  ReadingGrant,
  ToThread,
  WritingMessage,
} from './far-call.ts';
import { copyThere, deltaObstacle, moveDelta } from './far-delta.ts';
import { farFault } from './far-faults.ts';
import { hashFile, hashStart, readFile, writeFile } from './far-files.ts';
import { listTree, statByFind } from './far-list.ts';
import { FarLooker } from './far-looker.ts';
import { type FarParts, forEach, hashMany, readMany, unpackCommand, withFolders } from './far-many.ts';
import { type FarAbilities, probe, run } from './far-shell.ts';
import {
  entryAt,
  type FarRoot,
  makeFolders,
  makeSymlinkAt,
  refuse,
  removeAt,
  renameAt,
  renameQuickly,
  setMetadataAt,
  spaceOf,
} from './far-tree.ts';
import { type Connection, login } from './login.ts';
import { BatchWriter, type ManyGrant } from './many-batch.ts';
import { Sftp } from './sftp.ts';
import { packetTypes } from './sftp-packets.ts';
import type { SshTarget } from './ssh-target.ts';
import { transportOf, wayObstacle } from './transport.ts';

/** How far this thread has come with its host. Made anew after a loss, by the next call. */
interface Session {
  readonly connection: Connection;
  readonly sftp: Sftp;
  /** Being found out while other things are asked for already. */
  readonly abilities: Promise<FarAbilities>;
  readonly facts: Promise<HostFacts>;
  roundTripMs: number;
  readonly home: string;
  /** By the folder below which they look. */
  readonly lookers: Map<string, FarLooker>;
  lost: Fault | undefined;
}

interface Context {
  readonly session: Session;
  readonly far: FarRoot;
  readonly signal: AbortSignal;
  /** Once it is known what the host can. */
  parts(): Promise<FarParts>;
  emit(message: unknown, transfer?: ArrayBuffer[]): void;
  /** What comes for this call from now on. */
  receive(take: (message: unknown) => void): void;
}

type Operations = {
  readonly [Name in keyof FarOperations]: (
    input: FarOperations[Name]['input'],
    context: Context,
  ) => Promise<FarOperations[Name]['output']>;
};

const port = parentPort;
if (port === null) throw new Error('ssh-worker runs in a worker thread only');
/** The first message says it. */
let target: SshTarget;
const reply = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const entriesPerMessage = 2_000;
/** Files to be looked at from which on starting a program takes less than a request for each. */
const worthAProgram = 16;

const operations: Operations = {
  stat: ({ path }, { far }) => entryAt(far, path),
  async list({ path }, { far, parts, emit }) {
    const { entries, troubles } = await listTree(far, path, await parts());
    for (let at = 0; at < entries.length; at += entriesPerMessage) {
      emit(packEntries(entries.slice(at, at + entriesPerMessage)));
    }
    return troubles.map((trouble) => trouble.report());
  },
  async read({ path, from, to }, { far, signal, emit, receive }) {
    let granted = 0;
    let goOn: () => void = () => undefined;
    receive((message) => {
      granted += (message as ReadingGrant).pieces;
      goOn();
    });
    signal.addEventListener('abort', () => goOn(), { once: true });
    await readFile(far, path, {
      from,
      to,
      signal,
      opened: () => emit({ opened: true }),
      async piece(bytes) {
        while (granted === 0 && !signal.aborted) await new Promise<void>((resolve) => (goOn = resolve));
        signal.throwIfAborted();
        granted--;
        emit({ piece: bytes }, [bytes.buffer]);
      },
    });
    return undefined;
  },
  write({ path, from, within }, { far, signal, emit, receive }) {
    return writeFile(far, path, {
      from,
      within,
      signal,
      next: piecesFrom(receive, signal),
      written: (bytes) => emit(bytes),
    });
  },
  remove: ({ path }, { far }) => removeAt(far, path).then(() => undefined),
  rename: ({ from, to, overwrite }, { far }) => renameAt(far, from, to, { overwrite }).then(() => undefined),
  makeFolder: ({ path }, { far }) => makeFolders(far, path).then(() => undefined),
  makeSymlink: ({ path, target: leadsTo }, { far }) => makeSymlinkAt(far, path, leadsTo).then(() => undefined),
  setMetadata: ({ path, ...metadata }, { far }) => setMetadataAt(far, path, metadata).then(() => undefined),
  async space(_input, { far }) {
    const { freeBytes, totalBytes, freeInodes } = await spaceOf(far);
    return { freeBytes, totalBytes, freeInodes };
  },
  async hash({ path, algorithm }, { far, parts, emit }) {
    return hashFile(far, path, algorithm, { ...(await parts()), progress: emit });
  },
  async hashStart({ path, sizeBytes, algorithm }, { far, parts }) {
    return hashStart(far, path, { sizeBytes, algorithm }, await parts());
  },
  facts: async (_input, { session }) => session.facts,
  async statMany({ paths }, { far, session, parts, signal }) {
    const { client, abilities } = await parts();
    if (paths.length >= worthAProgram && abilities.findTakesNames)
      return [...(await lookerOf(session, far).look(paths, signal))];
    if (paths.length >= worthAProgram && abilities.gnuFind && abilities.programs.has('xargs')) {
      return [...(await statByFind(far, paths, { client, signal }))];
    }
    const once = withFolders(far);
    const found: Entry[] = [];
    const faults = await forEach(
      paths.map((path) => ({ path })),
      signal,
      async ({ path }) => {
        const entry = await entryAt(once, path);
        if (entry !== undefined) found.push(entry);
      },
    );
    const [first] = faults;
    if (first !== undefined) throw faultFrom(first.report);
    return found;
  },
  removeMany({ paths }, { far, signal }) {
    const once = withFolders(far);
    return forEach(
      paths.map((path) => ({ path })),
      signal,
      ({ path }) => removeAt(once, path),
    );
  },
  renameMany({ pairs, overwrite }, { far, signal }) {
    const once = withFolders(far);
    return forEach(
      pairs.map(({ from, to }) => ({ path: from, to })),
      signal,
      ({ path, to }) => renameQuickly(once, path, to, { overwrite }),
    );
  },
  setMetadataMany({ files }, { far, signal }) {
    const once = withFolders(far);
    return forEach(files, signal, ({ path, ...metadata }) => setMetadataAt(once, path, metadata));
  },
  async readMany({ paths }, { far, parts, signal, emit, receive }) {
    const batches = new BatchWriter((batch) => emit(batch, [batch.bytes.buffer]), signal);
    receive((message) => batches.grant((message as ManyGrant).bytes));
    for await (const answer of readMany(far, paths, await parts())) {
      if ('fault' in answer) batches.fault(answer.path, answer.fault.report());
      else await batches.file(answer.path, answer.entry, answer.body);
    }
    batches.flush();
    return undefined;
  },
  async readManyInto({ files, memory, precisionMs }, { far, session, parts, signal, emit }) {
    const known = await parts();
    // What comes will be looked at once more.
    if (files.length >= worthAProgram && known.abilities.findTakesNames) lookerOf(session, far).getReady();
    const paths = files.map(({ path }) => path);
    const failed = (at: number, fault: Fault | undefined) => emit({ at, report: fault?.report() } satisfies NotPut);
    const answers = readMany(far, paths, known);
    await fillRing(memory, files, answers, { place: far.place, precisionMs, signal, failed });
    return undefined;
  },
  async hashMany({ paths, algorithm }, { far, parts }) {
    return hashMany(far, paths, algorithm, await parts());
  },
  async unpack(_input, { far, session, signal, emit, receive }) {
    const next = piecesFrom(receive, signal);
    const { channel, ended } = await run(session.connection.client, unpackCommand(far), () => undefined, signal);
    let taken = 0;
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    for (let piece = await next(); piece !== undefined && !isOver; piece = await next()) {
      await channel.write(piece);
      taken += piece.length;
      emit(taken);
    }
    channel.end();
    const { code, said } = await ended;
    signal.throwIfAborted();
    if (code === null) throw new Fault('network', `${far.place} did not unpack all files: the connection broke off.`);
    return { isWhole: code === 0, said };
  },
  async copy({ from, to }, { far, parts }) {
    const known = await parts();
    if (!known.abilities.exec)
      throw refuse(far, 'unsupported', from, 'is not copied there: the host runs no commands for us');
    await copyThere(far, from, to, known);
    return undefined;
  },
  deltaObstacle: async ({ algorithm }, { session }) => deltaObstacle(await session.abilities, algorithm),
  async delta(input, { far, parts, emit }) {
    return moveDelta(far, input, { ...(await parts()), told: emit });
  },
  wayObstacle: async ({ way }, { session }) => wayObstacle(await session.abilities, way),
};

function lookerOf({ lookers, connection }: Session, far: FarRoot): FarLooker {
  const looker = lookers.get(far.root) ?? new FarLooker(far, connection.client);
  lookers.set(far.root, looker);
  return looker;
}

/** What the receiver is sent, one piece after the other; undefined at the end. */
function piecesFrom(receive: Context['receive'], signal: AbortSignal): () => Promise<Uint8Array | undefined> {
  const pieces: WritingMessage[] = [];
  let came: () => void = () => undefined;
  receive((message) => {
    pieces.push(message as WritingMessage);
    came();
  });
  signal.addEventListener('abort', () => came(), { once: true });
  return async () => {
    while (pieces.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        came = resolve;
      });
    }
    signal.throwIfAborted();
    const first = pieces.shift();
    return first !== undefined && 'piece' in first ? first.piece : undefined;
  };
}

let opening: Promise<Session> | undefined;
const closing = new AbortController();

/** One session for all calls; a lost one is made anew by whoever comes next. */
function session(): Promise<Session> {
  opening ??= openSession();
  return opening;
}

async function openSession(): Promise<Session> {
  try {
    const connection = await login(target, closing.signal);
    try {
      return await settleIn(connection);
    } catch (error) {
      // What broke off together with the connection is no fault of what was asked for.
      const lost = await Promise.race([connection.lost, setTimeout(lossIsToldMs, undefined)]);
      connection.close();
      throw lost ?? farFault(error, { operation: 'begin SFTP with', path: '', place: `ssh://${target.host}` });
    }
  } catch (error) {
    opening = undefined;
    throw error;
  }
}

const lossIsToldMs = 500;

async function settleIn(connection: Connection): Promise<Session> {
  const { client } = connection;
  const abilities = probe(client, closing.signal);
  abilities.catch(() => connection.close());
  const sftp = await Sftp.open(client);
  const whereHomeIs = () => sftp.names(packetTypes.realpath, (writer) => writer.path('.'));
  const askedAt = performance.now();
  const home = await whereHomeIs();
  const roundTripMs = performance.now() - askedAt;
  reply({ kind: 'facts', facts: { transport: 'SSH', unpacks: false, roundTripMs } });
  const facts = abilities.then(async (known): Promise<HostFacts> => {
    const all = { transport: await transportOf(known), unpacks: known.gnuTar, roundTripMs };
    reply({ kind: 'facts', facts: all });
    void measureAgain(all, opened, whereHomeIs).catch(() => undefined);
    return all;
  });
  facts.catch(() => undefined);
  const opened: Session = {
    connection,
    sftp,
    abilities,
    facts,
    roundTripMs,
    home: home?.[0]?.name ?? '/',
    lookers: new Map(),
    lost: undefined,
  };
  void connection.lost.then((fault) => {
    opened.lost = fault;
    opening = undefined;
    sftp.close();
  });
  return opened;
}

const running = new Map<number, { readonly stop: AbortController; take(message: unknown): void }>();

async function answer(id: number, operation: keyof FarOperations, place: FarPlace, input: unknown): Promise<void> {
  const stop = new AbortController();
  const early: unknown[] = [];
  const call: { stop: AbortController; take(message: unknown): void } = {
    stop,
    take: (message) => void early.push(message),
  };
  running.set(id, call);
  let opened: Session | undefined;
  try {
    opened = await session();
    stop.signal.throwIfAborted();
    const root = place.fromHome ? `/${joinPath(opened.home.replace(/^\/+/, ''), place.root)}` : place.root;
    const perform = operations[operation] as (input: unknown, context: Context) => Promise<unknown>;
    const { abilities, connection, roundTripMs, sftp } = opened;
    const { signal } = stop;
    const output = await perform(input, {
      session: opened,
      far: { sftp, root, place: place.name },
      signal,
      parts: async () => ({ client: connection.client, abilities: await abilities, signal, roundTripMs }),
      emit: (message, transfer) => reply({ kind: 'message', id, message }, transfer),
      receive(take) {
        call.take = take;
        for (const message of early) take(message);
      },
    });
    reply({ kind: 'done', id, output });
  } catch (error) {
    const fault = asFault(error);
    const stack = fault.code === 'internal' && error instanceof Error ? error.stack : undefined;
    reply({ kind: 'failed', id, report: withReason(fault, opened).report(), stack });
  } finally {
    running.delete(id);
  }
}

/** The first answer may have waited for a processor: the quickest of a few is how far it is. */
async function measureAgain(first: HostFacts, opened: Session, ask: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < moreMeasures; n++) {
    const askedAt = performance.now();
    await ask();
    opened.roundTripMs = Math.min(opened.roundTripMs, performance.now() - askedAt);
  }
  reply({ kind: 'facts', facts: { ...first, roundTripMs: opened.roundTripMs } });
}

const moreMeasures = 8;

/** A request that found its connection gone says why that went. */
function withReason(fault: Fault, { lost }: Pick<Session, 'lost'> = { lost: undefined }): Fault {
  if (fault.code !== 'network' || lost === undefined || fault === lost) return fault;
  const { place } = fault;
  return new Fault('network', `${fault.message} ${lost.message}`, {
    cause: fault,
    ...(place === undefined ? {} : { place }),
  });
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'target':
      target = message.target;
      break;
    case 'call':
      void answer(message.id, message.operation, message.place, message.input);
      break;
    case 'stop':
      running.get(message.id)?.stop.abort(new Fault('interrupted', 'It is not wanted any more.'));
      break;
    case 'message':
      running.get(message.id)?.take(message.message);
      break;
    case 'close':
      closing.abort();
      void opening?.then(({ connection }) => connection.close()).catch(() => undefined);
      port.close();
      break;
  }
});
