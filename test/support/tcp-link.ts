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
  /** From now on nothing goes through and nothing is closed: a black hole. New connections are taken and never answered. */
  hold(): void;
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

  const cutNow = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    cutting?.done();
    cutting = undefined;
  };
  const count = (way: 'up' | 'down', length: number) => {
    bytes[way] += length;
    if (cutting === undefined) return;
    cutting.left -= length;
    if (cutting.left <= 0) cutNow();
  };
  const join = (from: Socket, to: Socket, way: 'up' | 'down', lost: () => boolean) => {
    from.on('data', (data) => {
      if (lost()) return;
      count(way, data.length);
      const send = () => {
        if (lost() || to.destroyed) return;
        if (to.write(data)) return;
        from.pause();
        to.once('drain', () => from.resume());
      };
      if (delayMs === 0) send();
      else setTimeout(send, delayMs);
    });
    from.on('close', () => {
      if (!lost()) setTimeout(() => to.destroy(), delayMs);
    });
    from.on('error', () => to.destroy());
  };
  const lostPairs = new WeakSet<readonly [Socket, Socket]>();
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
    if (state === 'held') lostPairs.add(pair);
    const lost = () => lostPairs.has(pair);
    join(near, far, 'up', lost);
    join(far, near, 'down', lost);
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
    hold() {
      state = 'held';
      for (const pair of pairs) lostPairs.add(pair);
    },
    refuse() {
      state = 'refusing';
    },
    heal() {
      state = 'well';
    },
    async close() {
      cutNow();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
