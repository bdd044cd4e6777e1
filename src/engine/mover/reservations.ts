// Room at destinations that attempts under way have still to write, so that two of them do not count on the same free bytes.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { formatSize } from '../../model/size.ts';

/** Room that is going to be filled. */
export interface Room {
  readonly mountPoint: string;
  /** What is still to be written, in bytes; asked again and again. */
  readonly remaining: () => number;
}

export interface RoomWanted extends Room {
  readonly freeBytes: number;
  readonly reserveBytes: number;
  /** For the fault: what is to be written where. */
  readonly path: string;
  readonly place: string;
}

export class Reservations {
  readonly #running = new Set<Room>();

  /** Rejects with `space`. Returns how to give the room back. */
  take(wanted: RoomWanted): () => void {
    const { mountPoint, freeBytes, reserveBytes, path, place } = wanted;
    const others = this.byMount.get(mountPoint) ?? 0;
    const needed = wanted.remaining();
    // Nothing to write fits everywhere, also where the reserve is used up already.
    if (needed > 0 && freeBytes - others - reserveBytes < needed) {
      const also = [
        others > 0 ? `${formatSize(others)} are promised to files under way` : '',
        reserveBytes > 0 ? `${formatSize(reserveBytes)} are to remain free` : '',
      ].filter((part) => part !== '');
      throw new Fault(
        'space',
        `${displayPath(path)} needs ${formatSize(needed)} in ${displayPath(place)}, where ${formatSize(freeBytes)} are free${also.length > 0 ? ` and ${also.join(' and ')}` : ''}.`,
        { place: { path: displayPath(path), endpoint: displayPath(place), operation: 'reserve space' } },
      );
    }
    return this.hold(wanted);
  }

  /** Counts without asking whether there is enough. Returns how to give the room back. */
  hold(room: Room): () => void {
    this.#running.add(room);
    return () => void this.#running.delete(room);
  }

  get byMount(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { mountPoint, remaining } of this.#running) {
      sums.set(mountPoint, (sums.get(mountPoint) ?? 0) + Math.max(0, remaining()));
    }
    return sums;
  }
}
