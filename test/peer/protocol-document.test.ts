// docs/protocol.md and the union of words say the same.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { limits, protocolVersion, wordSchema } from '../../src/peer/messages.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/protocol.md'), 'utf8');

/** type → its fields as the document has them, optional ones with `?`. */
const documented = new Map(
  [...text.matchAll(/^\| `(\w+)` \| (?:both|sender|receiver) \| ([^|]*) \|/gm)].map(([, type = '', fields = '']) => [
    type,
    [...fields.matchAll(/`(\w+)`(\??)/g)].map(([, name = '', mark = '']) => name + mark).sort(),
  ]),
);

describe('the document of the protocol', () => {
  test('lists every word, with all of its fields, and no other', () => {
    const actual = wordSchema.options.map((word) => {
      const { type, ...fields } = word.shape;
      const names = Object.entries(fields).map(([name, field]) => name + (field.isOptional() ? '?' : ''));
      return [type.value, names.sort()] as const;
    });
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(actual));
  });

  test('names the version and the limits as they are', () => {
    expect(text).toContain(`Version ${protocolVersion}.`);
    expect(text).toContain(`at most ${limits.wordBytes.toLocaleString('en')} bytes`);
    expect(text).toContain(`never more than ${limits.windowBytes / 2 ** 20} MiB ahead`);
    expect(text).toContain(`at most ${limits.transfers.toLocaleString('en')} at a time`);
    expect(text).toContain(`Nothing was heard for ${limits.pingMs / 1000} s`);
    expect(text).toContain(`nothing is heard for ${limits.silenceMs / 1000} s is closed`);
    expect(text).toContain(`a chunk for ${limits.repeatMs / 1000} s`);
    expect(limits.againPerChunk).toBe(5);
    expect(limits.versionsPerTransfer).toBe(5);
  });
});
