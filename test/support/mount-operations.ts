// Operations with which the tests of the mount pools look at workers from inside.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { checkStop } from '../../src/endpoints/control.ts';
import { type OperationContext, sides, stopReasons } from '../../src/endpoints/mounts.ts';
import { Fault } from '../../src/model/fault.ts';

export const operations = {
  'test.thread': () => threadId,
  'test.fault': (path: string) => {
    throw new Fault('space', `no room for ${path}`, { place: { path } });
  },
  'test.mistake': () => {
    throw new TypeError('a mistake');
  },
  'test.die': () => process.exit(3),
  'test.echo': (input: { messages: number }, { emit }: OperationContext) => {
    for (let at = 0; at < input.messages; at++) emit(at);
    return input;
  },
  /** Goes on until it is told to stop, or the file is there. */
  'test.wait': (untilFile: string, { control }: OperationContext) => {
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(untilFile)) {
      checkStop(control);
      control.enter(sides.none);
      Atomics.wait(nothing, 0, 0, 5);
    }
    return threadId;
  },
  'test.list': (folder: string, { control }: OperationContext) => {
    control.enter(sides.source);
    const names = readdirSync(folder);
    control.enter(sides.none);
    return names;
  },
  'test.listPatiently': (input: { folder: string; patienceMs: number }, { control }: OperationContext) => {
    control.enter(sides.source, input.patienceMs);
    const names = readdirSync(input.folder);
    control.enter(sides.none);
    return names;
  },
  /** Touches the destination, then the source. */
  'test.writeTwo': (input: { first: string; second: string }, { control }: OperationContext) => {
    control.enter(sides.destination);
    writeFileSync(input.first, 'first');
    control.enter(sides.source);
    writeFileSync(input.second, 'second');
  },
  /** Moves `count` pieces through the limits; returns how many milliseconds that took. */
  'test.throttle': (input: { count: number; pieceBytes: number }, { control }: OperationContext) => {
    const start = performance.now();
    for (let at = 0; at < input.count && control.stop === stopReasons.run; at++) {
      control.throttle(input.pieceBytes);
      control.addBytes(input.pieceBytes);
    }
    return performance.now() - start;
  },
  'test.takeNumbers': (below: number, { control }: OperationContext) => {
    const taken: number[] = [];
    for (let next = control.takeNext(); next < below; next = control.takeNext()) taken.push(next);
    return taken;
  },
};
