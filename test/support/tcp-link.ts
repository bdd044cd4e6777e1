// A link to a port of this machine that can be cut, held silent, slowed and delayed, for tests of what a network does.

import { createConnection, createServer, type Socket } from 'node:net';

export interface TcpLink {
  readonly port: number;
  /** Connections that were opened through it so far. */
  readonly opened: number;
  /** Bytes that went through it, both ways, over all connections. */
  readonly bytes: { readonly up: number; readonly down: number };
  /** Breaks all open connections off with a reset, once `afterBytes` more have gone through (either way); resolves when it has happened. */
  cut(afterBytes?: number): Promise<void>;
  /** Lets nothing more through once `afterBytes` more have gone (either way), and loses nothing; resolves when it is so. `goOn` lets all go on. */
  haltAfter(afterBytes: number): Promise<void>;
  goOn(): void;
  /** From now on nothing goes through, or nothing that way, and nothing is closed: a black hole. New connections are taken and never answered. */
  hold(way?: 'both' | 'up' | 'down'): void;
  /** New connections are refused (closed at once) until `heal`. */
  refuse(): void;
  /** All is well again for new connections; those that were held stay lost. */
  heal(): void;
  close(): Promise<void>;
}

/** `delayMs` is one way: a round trip takes twice that. */
export async function linkTo(target: number, options: { readonly delayMs?: number } = {}): Promise<TcpLink> {
  const { delayMs = 0 } = options;
  const bytes = { up: 0, down: 0 };
  const pairs = new Set<readonly [Socket, Socket]>();
  let opened = 0;
  let state: 'well' | 'held' | 'refusing' = 'well';
  let cutting: { left: number; done(): void } | undefined;
  let halting: { left: number; done(): void } | undefined;
  let halted = false;
  let held: 'both' | 'up' | 'down' = 'both';

  const cutNow = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    cutting?.done();
    cutting = undefined;
  };
  const halt = () => {
    halted = true;
    for (const pair of pairs) for (const socket of pair) socket.pause();
    halting?.done();
    halting = undefined;
  };
  const goOn = () => {
    halted = false;
    for (const pair of pairs) for (const socket of pair) socket.resume();
  };
  const count = (way: 'up' | 'down', length: number) => {
    bytes[way] += length;
    if (halting !== undefined) {
      halting.left -= length;
      if (halting.left <= 0) halt();
    }
    if (cutting === undefined) return;
    cutting.left -= length;
    if (cutting.left <= 0) cutNow();
  };
  const join = (from: Socket, to: Socket, way: 'up' | 'down', lost: () => boolean) => {
    from.on('data', (data) => {
      if (lost()) return;
      count(way, data.length);
      if (halted) from.pause();
      const send = () => {
        if (lost() || to.destroyed) return;
        if (to.write(data)) return;
        from.pause();
        to.once('drain', () => halted || from.resume());
      };
      if (delayMs === 0) send();
      else setTimeout(send, delayMs);
    });
    from.on('close', () => {
      if (!lost()) setTimeout(() => to.destroy(), delayMs);
    });
    from.on('error', () => to.destroy());
  };
  /** Of those that were held once: they stay lost that way. */
  const lostPairs = new WeakMap<readonly [Socket, Socket], 'both' | 'up' | 'down'>();
  const server = createServer((near) => {
    opened++;
    if (state === 'refusing') {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection(target, '127.0.0.1');
    for (const socket of [near, far]) socket.setNoDelay(true);
    const pair = [near, far] as const;
    pairs.add(pair);
    if (state === 'held') lostPairs.set(pair, held);
    const lost = (way: 'up' | 'down') => () => [way, 'both'].includes(lostPairs.get(pair) ?? '');
    join(near, far, 'up', lost('up'));
    join(far, near, 'down', lost('down'));
    near.on('close', () => pairs.delete(pair));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    get opened() {
      return opened;
    },
    bytes,
    cut: (afterBytes = 0) =>
      new Promise((resolve) => {
        cutting = { left: afterBytes, done: resolve };
        if (afterBytes <= 0) cutNow();
      }),
    haltAfter: (afterBytes) =>
      new Promise((resolve) => {
        halting = { left: afterBytes, done: resolve };
        if (afterBytes <= 0) halt();
      }),
    goOn,
    hold(way = 'both') {
      state = 'held';
      held = way;
      for (const pair of pairs) lostPairs.set(pair, way);
    },
    refuse() {
      state = 'refusing';
    },
    heal() {
      state = 'well';
    },
    async close() {
      goOn();
      cutNow();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
