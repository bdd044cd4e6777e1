// The two bridges between a session and the mover: neither loses a byte, holds more than its window, nor names what is not agreed on.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAcceptRules } from '../../../src/engine/share/accept-rules.ts';
import { IncomingFile } from '../../../src/engine/share/incoming-file.ts';
import { OutgoingFile } from '../../../src/engine/share/outgoing-file.ts';
import { Fault } from '../../../src/model/fault.ts';

const mebibyte = 1024 * 1024;
const nothing = () => undefined;

describe('a file that comes in', () => {
  it('gives its reader what was written, in order, from where it asked', async () => {
    const file = new IncomingFile(5, 13, nothing);
    expect(await file.kept()).toBe(5);
    const read = readAll(file.stream);
    await file.write(5, Buffer.from('in '));
    await file.write(8, Buffer.from('order'));
    const proven = file.finish();
    expect(await read).toBe('in order');
    const agreed = file.agreed('hash of all');
    expect(await proven).toBe('hash of all');
    const published = file.publish();
    await agreed;
    file.arrived();
    await published;
  });

  it('takes no more than its reader has room for', async () => {
    const file = new IncomingFile(0, 64, nothing);
    let written = 0;
    const writing = (async () => {
      for (let at = 0; at < 64; at++) {
        await file.write(at, Buffer.from([at]));
        written++;
      }
    })();
    await turns();
    expect(written).toBeLessThan(8);
    const reading = file.stream.getReader();
    for (let at = 0; at < 64; at++) expect((await reading.read()).value?.[0]).toBe(at);
    await writing;
  });

  it('refuses bytes out of turn', async () => {
    const file = new IncomingFile(0, 64, nothing);
    await file.write(0, Buffer.from('ab'));
    await expect(file.write(1, Buffer.from('b'))).rejects.toMatchObject({ code: 'invalid' });
    await expect(file.write(3, Buffer.from('d'))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('is not agreed on where the sender gives it up', async () => {
    const file = new IncomingFile(0, 64, nothing);
    const agreed = file.agreed('another hash');
    await file.abandon();
    await expect(agreed).rejects.toMatchObject({ code: 'network' });
  });

  it('tells the session when nobody reads any more', async () => {
    let stopped = 0;
    const file = new IncomingFile(0, 64, () => {
      stopped++;
    });
    await file.stream.cancel();
    expect(stopped).toBe(1);
    await expect(file.write(0, Buffer.from('x'))).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('a file that goes out', () => {
  it('gives what is asked for, piece by piece, also what was asked for a little while ago', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 4000 }),
        fc.array(fc.tuple(fc.nat(3999), fc.integer({ min: 1, max: 500 })), { maxLength: 30 }),
        fc.integer({ min: 1, max: 700 }),
        async (content, asks, piece) => {
          const file = new OutgoingFile(content.length);
          const filling = file.fill(pieces(content, piece), nothing);
          for (const [at, length] of asks) {
            const from = at % content.length;
            const to = Math.min(content.length, from + length);
            expect(Buffer.from(await file.read(from, to)).equals(content.subarray(from, to))).toBe(true);
          }
          await file.read(content.length - 1, content.length);
          expect(await filling).toBe(content.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('reads ahead no further than its window, and goes on when more is asked for', async () => {
    const file = new OutgoingFile(64 * mebibyte);
    let given = 0;
    const filling = file.fill(
      zeros(64, () => {
        given++;
      }),
      nothing,
    );
    await turns();
    expect(given).toBeLessThan(8);
    for (let at = 0; at < 64; at++) await file.read(at * mebibyte, (at + 1) * mebibyte);
    expect(await filling).toBe(64 * mebibyte);
  });

  it('is filled again for what it has let go of', async () => {
    const file = new OutgoingFile(40 * mebibyte);
    const first = file.fill(zeros(40), nothing);
    await file.read(39 * mebibyte, 40 * mebibyte - 1);
    await first;
    const late = file.read(0, 10);
    const second = file.fill(zeros(40), nothing);
    expect((await late).byteLength).toBe(10);
    await file.read(40 * mebibyte - 1, 40 * mebibyte);
    await second;
  });

  it('ends its filling when it is told to, and waits for the next', async () => {
    const file = new OutgoingFile(64 * mebibyte);
    const stop = new AbortController();
    const filling = file.fill(zeros(64), nothing, stop.signal);
    stop.abort(new Fault('interrupted', 'paused'));
    await expect(filling).rejects.toMatchObject({ code: 'interrupted' });
    const asked = file.read(0, 3);
    const again = file.fill(zeros(64), nothing);
    expect((await asked).byteLength).toBe(3);
    file.fail(new Fault('rejected', 'The receiver does not want it any more.'));
    await expect(again).rejects.toMatchObject({ code: 'rejected' });
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'rejected' });
  });
});

describe('rules of what is taken', () => {
  const offer = { from: 'Ana', name: 'day 1/a.mov', sizeBytes: 1000, mediaType: 'video/quicktime' };

  it.each([
    [[], true],
    [[{ from: 'an?' }], true],
    [[{ from: 'bo*' }], false],
    [[{ type: 'video/*' }], true],
    [[{ type: 'image/*' }, { name: '*.mov' }], true],
    [[{ type: 'image/*', name: '*.mov' }], false],
    [[{ name: 'day 1/*' }], true],
    [[{ name: 'day 2/*' }], false],
    [[{ maxSize: 1000 }], true],
    [[{ maxSize: 999 }], false],
  ])('%j: %s', (rules, taken) => {
    const why = compileAcceptRules(rules, true)(offer);
    expect(why === undefined).toBe(taken);
    if (why !== undefined) expect(why).toContain('day 1/a.mov (1.0 kB, video/quicktime)');
  });

  it('take nothing where there is no folder for it', () => {
    expect(compileAcceptRules([], false)(offer)).toBe('This member sends only; it takes no files.');
  });
});

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function pieces(content: Uint8Array, bytes: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= content.length) return controller.close();
      controller.enqueue(content.slice(at, at + bytes));
      at += bytes;
    },
  });
}

function zeros(mebibytes: number, given: () => void = nothing): ReadableStream<Uint8Array> {
  let left = mebibytes;
  return new ReadableStream(
    {
      pull: (controller) => {
        if (left === 0) return controller.close();
        left--;
        given();
        controller.enqueue(new Uint8Array(mebibyte));
      },
    },
    { highWaterMark: 0 },
  );
}

/** All that can run has run. */
function turns(): Promise<void> {
  return new Promise((resolve) => {
    let left = 50;
    const turn = () => (--left === 0 ? resolve() : setImmediate(turn));
    turn();
  });
}
