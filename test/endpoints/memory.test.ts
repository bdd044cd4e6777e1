// Places in memory pass the suite, are shared by name, and have an end.

import { expect, test } from 'vitest';
import { openMemory } from '../../src/endpoints/memory.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { bodyOf } from '../support/bytes.ts';
import { endpointSuite } from '../support/endpoint-suite.ts';

let count = 0;
const openNew = (path = '', query = '') => openMemory(parseEndpoint(`mem://suite-${++count}/${path}${query}`));

endpointSuite('memory', async () => ({ endpoint: openNew(), rawNames: true, dispose: async () => undefined }));

endpointSuite('memory below its top', async () => {
  const endpoint = openNew('some/root');
  await endpoint.makeFolder?.('');
  return { endpoint, rawNames: true, dispose: async () => undefined };
});

test('the same name is the same place', async () => {
  const whole = openMemory(parseEndpoint('mem://shared/'));
  const part = openMemory(parseEndpoint('mem://shared/a/b'));
  expect(await part.stat('')).toBeUndefined();
  await part.write('file', 0, bodyOf(new Uint8Array(3)));
  expect((await whole.stat('a/b/file'))?.sizeBytes).toBe(3);
  expect((await openNew().stat('a')) === undefined).toBe(true);
});

test('a place that is full says so, and has room again when something went', async () => {
  const place = openNew('', '?capacity=1000');
  await place.write('a', 0, bodyOf(new Uint8Array(600)));
  await expect(place.write('b', 0, bodyOf(new Uint8Array(600)))).rejects.toMatchObject({ code: 'space' });
  await place.remove('a');
  expect(await place.write('b', 0, bodyOf(new Uint8Array(600)))).toBe(600);
  expect(await place.space?.()).toMatchObject({ freeBytes: 400, totalBytes: 1000 });
});
