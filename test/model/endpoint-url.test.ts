// Addresses of endpoints: what is written is read back, and what is no address is refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EndpointAddress, formatEndpoint, parseEndpoint } from '../../src/model/endpoint-url.ts';
import { Fault } from '../../src/model/fault.ts';
import { pathFromBytes } from '../../src/model/names.ts';

const part = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => pathFromBytes(bytes.filter((byte) => byte !== 0 && byte !== 0x2f)))
  .filter((text) => text !== '' && text !== '.' && text !== '..');
const path = fc.array(part, { maxLength: 4 }).map((parts) => parts.join('/'));

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Fault ? error.code : 'not a fault';
  }
  return 'nothing thrown';
}

describe('endpoint addresses', () => {
  test('what is written is read back, names that are not UTF-8 included', () => {
    const query = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.string({ maxLength: 8, unit: 'grapheme' }));
    fc.assert(
      fc.property(
        fc.constantFrom<EndpointAddress['scheme']>('ssh', 'docker', 's3', 'device', 'mem', 'generated'),
        fc.stringMatching(/^[a-z0-9][a-z0-9@:.-]{0,12}$/).filter((text) => !text.includes('@-')),
        path,
        query,
        (scheme, authority, below, settings) => {
          const address: EndpointAddress = { scheme, authority, path: below, query: { ...settings } };
          expect(parseEndpoint(formatEndpoint(address))).toEqual(address);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('folders are written as plain absolute paths', () => {
    fc.assert(
      fc.property(path, (below) => {
        const address: EndpointAddress = { scheme: 'file', authority: '', path: `/${below}`, query: {} };
        expect(formatEndpoint(address)).toBe(`/${below}`);
        expect(parseEndpoint(formatEndpoint(address))).toEqual(address);
      }),
    );
  });

  test('plain paths are taken from the working folder and made absolute', () => {
    const read = (text: string) => parseEndpoint(text, '/home/me').path;
    expect(read('in')).toBe('/home/me/in');
    expect(read('./a//b/../c/')).toBe('/home/me/a/c');
    expect(read('../../../x')).toBe('/x');
    expect(read('/media/')).toBe('/media');
    expect(read('file:///media/a%20b')).toBe('/media/a b');
    expect(read('file://localhost/media')).toBe('/media');
    expect(read('100% real?')).toBe('/home/me/100% real?');
  });

  test.each([
    '',
    'ftp://host/x',
    'file://server/share',
    'ssh://-oProxyCommand=x/y',
    'ssh://me@-x/y',
    's3://b/%zz',
    's3://b/a%00',
  ])('%j is refused', (text) => {
    expect(code(() => parseEndpoint(text))).toBe('invalid');
  });
});
