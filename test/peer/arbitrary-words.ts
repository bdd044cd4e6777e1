// Any control word that the protocol allows, for property tests.

import fc from 'fast-check';
import { faultCodes } from '../../src/model/fault.ts';
import type { Word } from '../../src/peer/messages.ts';

const id = fc.string({ minLength: 1, maxLength: 100 });
const text = fc.string({ maxLength: 500 });
const count = fc.integer({ min: 0, max: 2 ** 31 });
const sizeBytes = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const version = fc.string({ minLength: 1, maxLength: 200 });
const code = fc.constantFrom(...faultCodes);

const relay = fc.record(
  { upload: fc.string({ minLength: 1, maxLength: 500 }), firstFrame: count, salt: fc.stringMatching(/^[\w-]{22,86}$/) },
  { requiredKeys: ['upload', 'firstFrame'] },
);

/** By the word's type, so that a word that is missing here does not compile. */
export const arbitraryWords: { readonly [Type in Word['type']]: fc.Arbitrary<Extract<Word, { type: Type }>> } = {
  hello: fc.record({
    type: fc.constant('hello'),
    version: fc.integer({ min: 1, max: 10_000 }),
    oldest: fc.integer({ min: 1, max: 10_000 }),
    instance: id,
  }),
  ping: fc.record({ type: fc.constant('ping'), number: count }),
  pong: fc.record({ type: fc.constant('pong'), number: count }),
  want: fc.record(
    {
      type: fc.constant('want'),
      transferId: id,
      stream: count,
      from: count,
      via: fc.constantFrom('link', 'relay'),
      drain: fc.boolean(),
      version,
    },
    { requiredKeys: ['type', 'transferId', 'stream', 'from', 'via', 'drain'] },
  ),
  begin: fc.record(
    { type: fc.constant('begin'), transferId: id, stream: count, from: count, version, sizeBytes, relay },
    { requiredKeys: ['type', 'transferId', 'stream', 'from', 'version', 'sizeBytes'] },
  ),
  ack: fc.record({ type: fc.constant('ack'), transferId: id, stream: count, next: count }),
  again: fc.record({ type: fc.constant('again'), transferId: id, stream: count, index: count }),
  end: fc.record({ type: fc.constant('end'), transferId: id, stream: count, version, sizeBytes, sha256 }),
  done: fc.record({ type: fc.constant('done'), transferId: id, sha256 }),
  wrong: fc.record({ type: fc.constant('wrong'), transferId: id, code, message: text }),
  refuse: fc.record({ type: fc.constant('refuse'), transferId: id, stream: count, code, message: text }),
  changed: fc.record({ type: fc.constant('changed'), transferId: id, version, sizeBytes }),
  pause: fc.record({ type: fc.constant('pause'), transferId: id, by: fc.constantFrom('person', 'system') }),
  resume: fc.record({ type: fc.constant('resume'), transferId: id }),
  cancel: fc.record({ type: fc.constant('cancel'), transferId: id, reason: text }),
};

export const anyWord: fc.Arbitrary<Word> = fc.oneof(...Object.values(arbitraryWords));
