// The protocol between peers: every word survives its way, and nothing else is taken for one.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeChunk } from '../../src/model/chunk-frame.ts';
import { Fault } from '../../src/model/fault.ts';
import {
  agreedVersion,
  decodeMessage,
  encodeWord,
  limits,
  protocolVersion,
  wordTypes,
} from '../../src/peer/messages.ts';
import { anyWord, arbitraryWords } from './arbitrary-words.ts';

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return error instanceof Fault ? error.code : 'not a Fault';
  }
}

describe('a control word', () => {
  test('of every type is read as it was written', () => {
    expect(Object.keys(arbitraryWords).sort()).toEqual([...wordTypes].sort());
    fc.assert(
      fc.property(anyWord, (word) => {
        expect(decodeMessage(encodeWord(word))).toEqual({ kind: 'word', word });
      }),
      { numRuns: 300 },
    );
  });

  test('with anything added, or anything required left out, is refused', () => {
    fc.assert(
      fc.property(anyWord, (word) => {
        expect(codeOf(() => decodeMessage(encodeWord(Object.assign({}, word, { more: 1 }))))).toBe('invalid');
        const optional = new Set(['version', 'relay']);
        for (const key of Object.keys(word).filter((name) => !optional.has(name))) {
          const { [key as 'type']: _left, ...rest } = word;
          expect(codeOf(() => decodeMessage(new TextEncoder().encode(JSON.stringify(rest))))).toBe('invalid');
        }
      }),
    );
  });

  test('that is longer than the limit is refused before it is looked into', () => {
    const padded = `${' '.repeat(limits.wordBytes)}{"type":"ping","number":1}`;
    const long = `{${padded.slice(1, limits.wordBytes)}"type":"ping","number":1}`;
    expect(codeOf(() => decodeMessage(new TextEncoder().encode('{ "type":"ping","number":1}')))).toBe('none');
    expect(codeOf(() => decodeMessage(new TextEncoder().encode(long)))).toBe('invalid');
  });
});

describe('a frame of a link', () => {
  test('that is garbage is refused by a Fault', () => {
    const beginnings = fc.constantFrom('', '{', '{"type":"want",', '\0\0\0\u0005');
    fc.assert(
      fc.property(beginnings, fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
        const frame = Buffer.concat([Buffer.from(beginning, 'latin1'), rest]);
        expect(codeOf(() => decodeMessage(frame))).toBe('invalid');
      }),
      { numRuns: 500 },
    );
  });

  test('tells a chunk from a word', () => {
    const header = { transfer_id: '{', chunk_index: 0, total_chunks: 1, chunk_size: 2, checksum: '0'.repeat(64) };
    const message = decodeMessage(encodeChunk(header, Uint8Array.of(0x7b, 0x7d)));
    expect(message.kind === 'chunk' && message.chunk.header).toEqual(header);
  });
});

test('two sides speak the smaller version, unless one of them is too old for the other', () => {
  expect(agreedVersion({ version: protocolVersion, oldest: 1 })).toBe(protocolVersion);
  expect(agreedVersion({ version: protocolVersion + 5, oldest: protocolVersion })).toBe(protocolVersion);
  expect(codeOf(() => agreedVersion({ version: protocolVersion + 5, oldest: protocolVersion + 1 }))).toBe(
    'unsupported',
  );
});
