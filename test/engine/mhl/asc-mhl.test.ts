// ASC MHL histories: valid by the published schema, the hashes of the published example, and every change found again.

import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes, digestNames, digestOf } from '../../../src/endpoints/digest.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../../src/endpoints/mounts.ts';
import {
  appendGeneration,
  checkHistory,
  hasHistory,
  type MhlFinding,
  mhlOperations,
} from '../../../src/engine/mhl/asc-mhl.ts';
import { createFolderHasher } from '../../../src/engine/mhl/folder-hash.ts';
import { readChain, readHashList, writeHashList } from '../../../src/engine/mhl/hash-list.ts';
import { type MhlFormat, mhlFormats } from '../../../src/model/hash.ts';
import { pathBytes } from '../../../src/model/names.ts';
import { endWithUs, killingAt } from '../../support/children.ts';

const published = join(import.meta.dirname, 'published');
const example = readFileSync(join(published, '0002_A002R2EC_2020-01-17_143000.mhl'), 'utf8');

let mounts: Mounts;
let card = '';
beforeAll(() => {
  mounts = openMounts({ modules: [mhlOperations] });
});
afterAll(() => mounts.close());
beforeEach(() => {
  card = join(mkdtempSync(join(tmpdir(), 'wherry-mhl-')), 'A002R2EC');
  mkdirSync(join(card, 'Clips'), { recursive: true });
  writeFileSync(join(card, 'Clips', 'one.mov'), 'abcd\n');
  writeFileSync(join(card, 'Clips', 'two.mov'), 'x'.repeat(3_000_000));
  writeFileSync(join(card, 'Sidecar <&> "it\'s".txt'), 'beside');
  writeFileSync(join(card, '.DS_Store'), 'not counted');
  mkdirSync(join(card, 'empty'));
});
afterEach(() => rmSync(join(card, '..'), { recursive: true, force: true }));

let now = Date.UTC(2026, 0, 16, 9, 15, 0);
const append = (format: MhlFormat = 'xxh128') => {
  now += 60_000;
  return appendGeneration(mounts, { folder: card, format, process: 'transfer', host: 'box', version: '1.0', now });
};
const check = async () => {
  const found: MhlFinding[] = [];
  const { generations, problems } = await checkHistory(mounts, card, (finding) => void found.push(finding));
  const by = (verdict: string) =>
    found
      .filter((each) => each.verdict === verdict)
      .map(({ path }) => path)
      .sort();
  return { generations, problems, ok: by('ok'), changed: by('changed'), missing: by('missing'), new: by('new'), found };
};
const mhl = (...parts: string[]) => join(card, 'ascmhl', ...parts);
const generations = () =>
  readdirSync(mhl())
    .filter((name) => name.endsWith('.mhl'))
    .sort();
const validate = (schema: string, ...paths: string[]) =>
  execFileSync('xmllint', ['--nonet', '--noout', '--schema', join(published, schema), ...paths], { stdio: 'pipe' });

describe('the documents', () => {
  test.each(mhlFormats)('validate against the published schemas, with %s', async (format) => {
    const { file, number, files } = await append(format);
    expect({ file, number, files }).toEqual({
      file: expect.stringMatching(/^0001_A002R2EC_2026-01-16_\d{6}Z\.mhl$/),
      number: 1,
      files: 3,
    });
    await append(format);
    validate('ASCMHL.xsd', ...generations().map((name) => mhl(name)));
    validate('ASCMHLDirectory.xsd', mhl('ascmhl_chain.xml'));
  });

  test('control: the schemas refuse what is none', () => {
    const wrong = join(card, 'wrong.mhl');
    writeFileSync(wrong, example.replace('action="verified"', 'action="perhaps"'));
    expect(() => validate('ASCMHL.xsd', wrong)).toThrow();
    writeFileSync(wrong, example);
    validate('ASCMHL.xsd', wrong);
  });

  test('the published example is read, and written again byte by byte', () => {
    const list = readHashList(example, 'example');
    expect(list).toMatchObject({
      host: 'myHost.local',
      process: 'in-place',
      ignore: ['.DS_Store', 'ascmhl', 'ascmhl/'],
    });
    expect(writeHashList(list)).toBe(example);
  });

  test('folder hashes are those of the published example', () => {
    const { hashes, root } = readHashList(example, 'example');
    const clips = createFolderHasher('xxh64');
    const top = createFolderHasher('xxh64');
    for (const hash of hashes) {
      if (hash.kind !== 'file') continue;
      const [entry] = hash.entries;
      (hash.path.startsWith('Clips/') ? clips : top).file(hash.path.replace('Clips/', ''), entry?.value ?? '');
    }
    const folder = hashes.find(({ kind }) => kind === 'folder');
    expect(folder).toMatchObject({ content: [{ value: clips.digests().content }] });
    top.folder('Clips', clips.digests());
    expect(root).toMatchObject({ content: [{ value: top.digests().content }] });
    // Structure hashes have taken their present form since that example: these are of the same scenario in the published log of today.
    expect([clips.digests().structure, top.digests().structure]).toEqual(['906faa843d591a9f', 'f557f8ca8e5a88ef']);
  });

  test('each digest’s text stands for its bytes', () => {
    for (const name of digestNames) {
      const value = digestOf(name, Buffer.from(name));
      if (name === 'c4') expect(digestBytes(name, value)).toHaveLength(64);
      else expect(digestBytes(name, value).toString('hex')).toBe(value);
      expect(() => digestBytes(name, 'nonsense!')).toThrow();
    }
    // All bits set, from the tests of the C library of C4.
    const all = 'c467rpwLCuS5DGA8KGZXKsVQ7dnPb9goRLoKfgGbLfQg9WoLUgNY77E2jT11fem3coV9nAkguBACzrU1iyZM4B8roQ';
    expect(digestBytes('c4', all)).toEqual(Buffer.alloc(64, 0xff));
  });

  test('hashes are those of the system’s own programs', async () => {
    await append('md5');
    const list = readHashList(readFileSync(mhl(generations()[0] ?? ''), 'utf8'), 'x');
    const one = list.hashes.find(({ path }) => path === 'Clips/two.mov');
    const md5 = execFileSync('md5sum', [join(card, 'Clips', 'two.mov')], { encoding: 'utf8' }).split(' ')[0];
    expect(one).toMatchObject({
      kind: 'file',
      sizeBytes: 3_000_000,
      entries: [{ format: 'md5', value: md5, action: 'original' }],
    });
    const [link] = readChain(readFileSync(mhl('ascmhl_chain.xml'), 'utf8'), 'x');
    expect(link?.c4).toBe(digestOf('c4', readFileSync(mhl(generations()[0] ?? ''))));
  });

  test('documents of others that are damaged or hostile are refused', () => {
    for (const xml of [
      '',
      '<hashlist',
      '<other/>',
      '<!DOCTYPE hashlist [<!ENTITY a "b">]><hashlist>&a;</hashlist>',
      `${example}<more/>`,
    ]) {
      expect(() => readHashList(xml, 'it')).toThrow(/^it cannot be read/);
    }
    const chain = (path: string) =>
      `<ascmhldirectory><hashlist sequencenr="1"><path>${path}</path><c4>x</c4></hashlist></ascmhldirectory>`;
    for (const path of ['../x.mhl', '/etc/passwd', '..', ''])
      expect(() => readChain(chain(path), 'it')).toThrow(/no name of a generation/);
  });
});

describe('a history', () => {
  test('grows by a generation, verified by the one before, also when the format changes', async () => {
    expect(await hasHistory(mounts, card)).toBe(false);
    await append('xxh64');
    expect(await hasHistory(mounts, card)).toBe(true);
    writeFileSync(join(card, 'Clips', 'three.mov'), 'new');
    expect(await append('xxh128')).toMatchObject({ number: 2, files: 4, failed: [], missing: [] });
    const list = readHashList(readFileSync(mhl(generations()[1] ?? ''), 'utf8'), 'x');
    const actions = list.hashes.flatMap((hash) =>
      hash.kind === 'file' ? [[hash.path, hash.entries.map(({ format, action }) => `${format} ${action}`)]] : [],
    );
    expect(Object.fromEntries(actions)).toMatchObject({
      'Clips/one.mov': ['xxh128 verified', 'xxh64 verified'],
      'Clips/three.mov': ['xxh128 original'],
    });
    validate('ASCMHL.xsd', mhl(generations()[1] ?? ''));
    expect(await check()).toMatchObject({
      generations: 2,
      problems: [],
      changed: [],
      missing: [],
      new: [],
      ok: expect.objectContaining({ length: 4 }),
    });
  });

  test('finds what is changed, missing and new, and writes a failure down as one', async () => {
    await append();
    const two = join(card, 'Clips', 'two.mov');
    writeFileSync(two, `${'x'.repeat(2_999_999)}y`);
    utimesSync(two, 1_000, 1_000);
    renameSync(join(card, 'Clips', 'one.mov'), join(card, 'Clips', 'other.mov'));
    const found = await check();
    expect(found).toMatchObject({
      changed: ['Clips/two.mov'],
      missing: ['Clips/one.mov'],
      new: ['Clips/other.mov'],
      problems: [],
    });
    expect(found.found.find(({ verdict }) => verdict === 'changed')?.why).toMatch(
      /^its xxh128 is [0-9a-f]{32} and was [0-9a-f]{32}$/,
    );
    expect(await append()).toMatchObject({ failed: ['Clips/two.mov'], missing: ['Clips/one.mov'] });
    // What failed does not become the truth.
    expect(await check()).toMatchObject({ changed: ['Clips/two.mov'], missing: ['Clips/one.mov'], new: [] });
  });

  test('finds what is wrong with itself', async () => {
    await append();
    await append();
    const [first = '', second = ''] = generations();
    const whole = readFileSync(mhl(first), 'utf8');
    writeFileSync(mhl(first), whole.replace('<hostname>box', '<hostname>b0x'));
    expect((await check()).problems).toEqual([expect.stringContaining(`${first} is not what the chain says`)]);
    writeFileSync(mhl(first), whole);
    expect((await check()).problems).toEqual([]);
    cpSync(mhl(second), mhl('0003_stray.mhl'));
    expect((await check()).problems).toEqual([expect.stringContaining('0003_stray.mhl is not in the chain')]);
    rmSync(mhl('0003_stray.mhl'));
    rmSync(mhl(second));
    expect((await check()).problems).toEqual([expect.stringContaining('generation 2, is missing')]);
    rmSync(mhl('ascmhl_chain.xml'));
    await expect(check()).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('ascmhl_chain.xml is missing'),
    });
  });

  test('names that XML cannot hold are told and left out; others come back as they were', async () => {
    const odd = ['tab\there', 'line\nbreak', 'return\rhere', 'ünïcode 🎬', ']]>', ' spaces '];
    for (const name of odd) writeFileSync(join(card, name), name);
    for (const name of ['bell\u0007', 'caf\udce9']) writeFileSync(Buffer.from(pathBytes(`${card}/${name}`)), 'x');
    expect((await append()).unnamed.toSorted()).toEqual(['bell\u0007', 'caf\udce9']);
    validate('ASCMHL.xsd', mhl(generations()[0] ?? ''));
    const found = await check();
    expect(found.ok).toEqual(expect.arrayContaining(odd));
    expect(found).toMatchObject({ missing: [], new: ['bell\u0007', 'caf\udce9'] });
  });

  test('a history further down is its own', async () => {
    await append();
    const outer = card;
    card = join(outer, 'Clips');
    await append();
    card = join(outer, 'empty');
    writeFileSync(join(card, 'late.mov'), 'late');
    await append();
    card = outer;
    writeFileSync(join(card, 'empty', 'unknown.mov'), 'x');
    expect(await check()).toMatchObject({
      generations: 2,
      missing: [],
      changed: [],
      new: ['empty/unknown.mov'],
      ok: expect.arrayContaining(['empty/late.mov', 'Clips/one.mov']),
    });
  });

  test('killed at any call while it is written, the next generation is right and the chain whole', {
    timeout: 120_000,
  }, async () => {
    const writer = join(card, '..', 'writer.mjs');
    const src = join(import.meta.dirname, '../../../src');
    writeFileSync(
      writer,
      `import { openMounts } from '${src}/endpoints/mount-pool.ts';
       import { appendGeneration, mhlOperations } from '${src}/engine/mhl/asc-mhl.ts';
       const mounts = openMounts({ modules: [mhlOperations] });
       await appendGeneration(mounts, { folder: process.argv[2], process: 'transfer', host: 'box', version: '1.0', now: Date.now() });
       await mounts.close();`,
    );
    const calls = 'rename,renameat,renameat2,fsync,mkdir,mkdirat,unlink';
    let points = 0;
    for (let n = 1; ; n++) {
      const copy = join(card, '..', `kill-${n}`);
      cpSync(card, copy, { recursive: true });
      const child = endWithUs(
        spawn('strace', [...killingAt(calls, n), process.execPath, writer, copy], { stdio: 'ignore', detached: true }),
      );
      const code = await new Promise((resolve) => child.once('exit', resolve));
      const was = card;
      card = copy;
      if (existsSync(mhl('ascmhl_chain.xml')))
        expect(await check()).toMatchObject({ generations: 1, problems: [], changed: [], missing: [], new: [] });
      const { number } = await append();
      expect(await check()).toMatchObject({ generations: number, problems: [], changed: [], missing: [], new: [] });
      card = was;
      if (code === 0) break;
      points += 1;
    }
    expect(points).toBeGreaterThan(3);
  });
});
