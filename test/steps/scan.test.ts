// T32: what a virus scanner has not called clean goes no further, also where the scanner is down or hangs.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Clamd, eicar, prepareClamd } from '../support/clamd.ts';
import { openStepBench, type StepBench } from '../support/run-step.ts';

let bench: StepBench;
let clamd: Clamd;
const files = { clean: '', sick: '', hidden: '', empty: '' };
beforeAll(async () => {
  bench = openStepBench();
  for (const name of Object.keys(files) as (keyof typeof files)[]) files[name] = bench.path(`${name}.bin`);
  writeFileSync(files.clean, Buffer.alloc(3_000_000, 'no harm '));
  writeFileSync(files.sick, eicar);
  writeFileSync(files.hidden, `${'x'.repeat(700_000)}${eicar}${'y'.repeat(700_000)}`);
  writeFileSync(files.empty, '');
  clamd = prepareClamd({ streamMax: '4M' });
  await clamd.start();
});
afterAll(async () => {
  await clamd.close();
  bench.close();
});

const scan = (path: string, params: object = {}, options = {}) =>
  bench.run('scan', path, { socket: clamd.socket, ...params }, options);

describe('a scanner that answers', () => {
  test('calls clean files clean', async () => {
    for (const path of [files.clean, files.empty]) {
      const { facts, produced, tool } = await scan(path);
      expect(facts).toMatchObject({ scan: { verdict: 'clean', scanner: expect.stringContaining('ClamAV') } });
      expect(produced).toEqual([]);
      expect(tool?.version).toContain('ClamAV');
    }
  });

  test.each(['sick', 'hidden'] as const)('finds EICAR in the %s file', async (name) => {
    await expect(scan(files[name])).rejects.toMatchObject({
      code: 'infected',
      message: expect.stringMatching(/Eicar.*UNOFFICIAL.*bin; it goes no further/),
    });
  });

  test('a file that is larger than it takes is not passed unscanned', async () => {
    const large = bench.path('large.bin');
    writeFileSync(large, Buffer.alloc(6_000_000));
    await expect(scan(large)).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringContaining('StreamMaxLength'),
    });
  });

  test('a file that is gone is not clean', async () => {
    const step = bench.path('gone.bin');
    writeFileSync(step, 'x');
    const { scan: scanStep } = await import('../../src/steps/scan.ts');
    const call = { signal: new AbortController().signal, progress: () => undefined };
    const file = { path: bench.path('never-there.bin'), sizeBytes: 1, mtimeMs: 0, mediaType: null };
    await expect(
      scanStep.run(file, bench.plan('x'), { socket: clamd.socket, quietSeconds: 5 }, call),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a scanner that does not', () => {
  test('is waited for while it hangs, and asked again when it goes on', async () => {
    clamd.hang();
    await expect(scan(files.clean, { quietSeconds: 1 })).rejects.toMatchObject({
      code: 'tool_unavailable',
      meaning: { retry: 'tool' },
    });
    const stop = new AbortController();
    const waiting = scan(files.clean, {}, { signal: stop.signal });
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    clamd.goOn();
    await expect(scan(files.sick)).rejects.toMatchObject({ code: 'infected' });
  });

  test('is waited for while it is down', async () => {
    await clamd.stop();
    await expect(scan(files.clean)).rejects.toMatchObject({
      code: 'tool_unavailable',
      message: expect.stringContaining('clamav-daemon'),
    });
    await clamd.start();
    expect((await scan(files.clean)).facts).toMatchObject({ scan: { verdict: 'clean' } });
  });

  test.each([
    ['closes before it answers', ''],
    ['answers something else', 'stream: maybe\0'],
    ['answers of another thing', 'OK\0'],
  ])('is not believed where it %s', async (_, answer) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => {
        if (data.toString().startsWith('zVERSION')) socket.end('ClamAV 1.0\0');
        else socket.end(answer);
      });
    });
    const path = bench.path(`other-${answer.length}.sock`);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await expect(scan(files.sick, { socket: path })).rejects.toMatchObject({ code: 'tool_unavailable' });
    } finally {
      server.close();
    }
  });

  test('control: with signatures that do not know EICAR the same file passes', async () => {
    const blind = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        if (data.toString().startsWith('zVERSION')) socket.end('ClamAV 1.0\0');
        else if (data.subarray(-4).equals(Buffer.alloc(4))) socket.end('stream: OK\0');
      });
    });
    const path = bench.path('blind.sock');
    await new Promise<void>((resolve) => blind.listen(path, resolve));
    try {
      expect((await scan(files.sick, { socket: path })).facts).toMatchObject({ scan: { verdict: 'clean' } });
    } finally {
      blind.close();
    }
  });
});
