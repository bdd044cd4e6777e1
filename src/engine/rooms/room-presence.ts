// Who is there: by their connection, or by what was last heard of them.

import type { Clock } from '../../model/clock.ts';

/** After a connection has broken off, the same member may come back so soon that nobody need be told. */
export const graceMs = 5_000;

export interface RoomPresence<Connection> {
  /** Reachable, as far as transfers are concerned. */
  isHere(memberId: string): boolean;
  /** Shown as there. */
  isPresent(memberId: string): boolean;
  /** Since when it cannot be reached, by the clock that only goes forward; undefined where it can. */
  awaySince(memberId: string): number | undefined;
  connection(memberId: string): Connection | undefined;
  /** The latest one counts; gives the one before. */
  connected(memberId: string, connection: Connection): Connection | undefined;
  /** Of a connection that another has taken the place of nothing is taken away. */
  disconnected(memberId: string, connection: Connection): void;
  /** It has asked for something, or said that it is there. */
  heard(memberId: string): void;
  /** Known from the ledger, and not heard of yet. */
  expect(memberId: string): void;
  forget(memberId: string): void;
  /** Those of whom one of the two has changed since the last look. */
  look(presenceMs: number): readonly PresenceChange[];
  readonly present: number;
}

export interface PresenceChange {
  readonly memberId: string;
  readonly here: boolean;
  readonly present: boolean;
  /** True where what is shown of it has changed. */
  readonly isShown: boolean;
}

interface Known<Connection> {
  connection: Connection | undefined;
  /** Monotonic. */
  heardAt: number;
  leftAt: number | undefined;
  here: boolean;
  present: boolean;
  awaySince: number | undefined;
  toldHere: boolean;
  toldPresent: boolean;
}

export function createPresence<Connection>(clock: Clock): RoomPresence<Connection> {
  const members = new Map<string, Known<Connection>>();

  const known = (memberId: string): Known<Connection> => {
    let one = members.get(memberId);
    if (one === undefined) {
      const now = clock.monotonic();
      one = {
        ...{ connection: undefined, heardAt: now, leftAt: undefined },
        ...{ here: true, present: true, awaySince: undefined, toldHere: true, toldPresent: true },
      };
      members.set(memberId, one);
    }
    return one;
  };
  const back = (one: Known<Connection>) => {
    one.heardAt = clock.monotonic();
    one.here = true;
    one.present = true;
    one.awaySince = undefined;
  };

  return {
    isHere: (memberId) => members.get(memberId)?.here ?? false,
    isPresent: (memberId) => members.get(memberId)?.present ?? false,
    awaySince: (memberId) => members.get(memberId)?.awaySince,
    connection: (memberId) => members.get(memberId)?.connection,
    connected(memberId, connection) {
      const one = known(memberId);
      const before = one.connection;
      one.connection = connection;
      one.leftAt = undefined;
      back(one);
      return before;
    },
    disconnected(memberId, connection) {
      const one = members.get(memberId);
      if (one?.connection !== connection) return;
      one.connection = undefined;
      one.leftAt = clock.monotonic();
      one.heardAt = one.leftAt;
    },
    heard: (memberId) => {
      const one = known(memberId);
      back(one);
      if (one.connection === undefined) one.leftAt = undefined;
    },
    expect(memberId) {
      const one = known(memberId);
      one.here = false;
      one.present = false;
      one.toldHere = false;
      one.toldPresent = false;
      one.awaySince = clock.monotonic();
    },
    forget: (memberId) => void members.delete(memberId),
    look(presenceMs) {
      const now = clock.monotonic();
      const changed: PresenceChange[] = [];
      for (const [memberId, one] of members) {
        if (one.connection === undefined) {
          if (now - one.heardAt >= presenceMs) one.present = false;
          const isGone = one.leftAt !== undefined && now - one.leftAt >= graceMs;
          if (one.here && (isGone || !one.present)) {
            one.here = false;
            one.awaySince = one.leftAt ?? one.heardAt;
          }
        }
        if (one.here === one.toldHere && one.present === one.toldPresent) continue;
        changed.push({ memberId, here: one.here, present: one.present, isShown: one.present !== one.toldPresent });
        one.toldHere = one.here;
        one.toldPresent = one.present;
      }
      return changed;
    },
    get present() {
      return [...members.values()].filter(({ present }) => present).length;
    },
  };
}
