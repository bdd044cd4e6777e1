// Each step with its real program: what it makes, and how it fails.

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/endpoints/digest.ts';
import { pathBytes } from '../../src/model/names.ts';
import { makeDualFisheye, makePhoto, makeRawPhoto, makeVideo, pixel, probeFile } from '../support/media.ts';
import { openStepBench, type StepBench } from '../support/run-step.ts';

let bench: StepBench;
let photo = '';
let video = '';
beforeAll(() => {
  bench = openStepBench();
  photo = bench.path('Photo 1.jpg');
  video = bench.path('clip.mp4');
  makePhoto(photo, {
    DateTimeOriginal: '2026:05:01 10:11:12',
    GPSLatitude: 51.5,
    GPSLatitudeRef: 'N',
    GPSLongitude: 0.1,
    GPSLongitudeRef: 'W',
  });
  makeVideo(video);
});
afterAll(() => bench.close());

const text = (path: string) => readFileSync(path, 'utf8');

describe('checksum', () => {
  test('C4 IDs are those of its specification’s own code', () => {
    // From the tests of the C library of C4 (github.com/Avalanche-io/c4, c/): the text, and 64 bytes of 0xFF as a digest are its vectors.
    expect(digestOf('c4', Buffer.from('hello, world!'))).toBe(
      'c43AQnB9bDGEwZSsxT1HwhHrCYXDoTrr4hmAJypFwxhTVngqUhVJwQtmJpcmb4Mq9Y6249ZzqNtWRZ8CE2gGSPRc6F',
    );
  });

  test('agrees with md5sum, sha1sum, sha256sum, and its files are checked by them', async () => {
    const { facts, produced, at } = await bench.run('checksum', photo, {
      algorithms: ['md5', 'sha1', 'sha256', 'xxh64', 'xxh3', 'xxh128', 'blake3', 'c4'],
      sidecar: true,
    });
    const { checksums } = facts as { checksums: Record<string, string> };
    for (const name of ['md5', 'sha1', 'sha256']) {
      expect(execFileSync(`${name}sum`, ['--binary', photo], { encoding: 'utf8' })).toContain(checksums[name]);
      execFileSync(`${name}sum`, ['--check', '--strict', at(`Photo 1.jpg.${name}`)], { cwd: bench.folder });
    }
    expect(produced.map(({ path }) => path)).toContain('Photo 1.jpg.c4');
    expect(checksums.xxh128).toHaveLength(32);
    // Of the empty content, as xxHash publishes them.
    expect(digestOf('xxh64', Buffer.alloc(0))).toBe('ef46db3751d8e999');
    expect(digestOf('xxh3', Buffer.alloc(0))).toBe('2d06800538d394c2');
    expect(digestOf('xxh128', Buffer.alloc(0))).toBe('99aa06d3014798d86001c324468d497f');
  });
});

describe('metadata', () => {
  test('tells camera, time and place, and keeps all tags', async () => {
    const { facts, produced, at, tool } = await bench.run('metadata', photo);
    expect(facts).toMatchObject({
      make: 'ACME',
      model: 'X1',
      takenAt: '2026:05:01 10:11:12',
      width: 320,
      height: 240,
      latitude: 51.5,
      longitude: -0.1,
    });
    expect(produced).toEqual([{ role: 'metadata', path: 'Photo 1.metadata.json', mediaType: 'application/json' }]);
    const tags = JSON.parse(text(at('Photo 1.metadata.json')));
    expect(tags['IFD0:Make']).toBe('ACME');
    expect(Object.keys(tags).filter((name) => /^(System|SourceFile)/.test(name))).toEqual([]);
    expect(tool).toMatchObject({ name: 'exiftool', version: expect.stringMatching(/^\d+\.\d+/) });
    expect((await bench.run('metadata', video)).facts).toMatchObject({
      width: 320,
      durationSeconds: expect.closeTo(2, 0),
    });
  });

  test('a file that is none fails clearly', async () => {
    const broken = bench.path('broken.jpg');
    writeFileSync(broken, '');
    await expect(bench.run('metadata', broken)).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringMatching(/broken\.jpg.*empty/i),
    });
  });
});

describe('xmp', () => {
  test('holds what the original says and the fields that were chosen', async () => {
    const { produced, at } = await bench.run('xmp', photo, {
      fields: { 'XMP-dc:Title': 'Flight of {name} & <co>', 'XMP-dc:Subject': ['air', 'sea'], 'XMP-xmp:Rating': '4' },
    });
    expect(produced).toMatchObject([{ role: 'xmp', path: 'Photo 1.xmp' }]);
    const sidecar = at('Photo 1.xmp');
    execFileSync('xmllint', ['--noout', sidecar]);
    const [tags] = JSON.parse(execFileSync('exiftool', ['-json', '-n', sidecar], { encoding: 'utf8' }));
    expect(tags).toMatchObject({
      Title: 'Flight of Photo 1.jpg & <co>',
      Subject: ['air', 'sea'],
      Rating: 4,
      Make: 'ACME',
    });
  });

  test('a field that XMP does not have fails, and does not end up elsewhere', async () => {
    await expect(bench.run('xmp', photo, { fields: { 'XMP-dc:NoSuchField': 'x' } })).rejects.toMatchObject({
      code: 'step_failed',
    });
    await expect(bench.run('xmp', photo, { fields: { 'config<': '/etc/passwd' } })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  });
});

describe('thumbnail', () => {
  test.each(['dng', 'CR2'])('of a RAW photo (%s) is its largest preview, turned as the photo says', async (ending) => {
    const raw = bench.path(`raw-6.${ending}`);
    makeRawPhoto(raw, { previews: [160, 320], orientation: 6 });
    const { produced, at } = await bench.run('thumbnail', raw);
    expect(produced).toEqual([{ role: 'thumbnail', path: 'raw-6.thumbnail.jpg', mediaType: 'image/jpeg' }]);
    expect(probeFile(at('raw-6.thumbnail.jpg')).streams).toEqual([{ codec: 'mjpeg', width: 240, height: 320 }]);
    const { facts } = await bench.run('metadata', raw);
    expect(facts).toMatchObject({ make: 'ACME', orientation: 6 });
  });

  test('of a RAW or HEIC photo without a preview says why there is none', async () => {
    const bare = bench.path('bare.dng');
    makeRawPhoto(bare, { previews: [], orientation: 1 });
    const why = /holds no preview, and ffmpeg does not read such photos/;
    await expect(bench.run('thumbnail', bare)).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringMatching(why),
    });
    const heic = bench.path('IMG_1.HEIC');
    writeFileSync(heic, Buffer.from('000000186674797068656963000000006d6966316865696300000008', 'hex'));
    await expect(bench.run('thumbnail', heic)).rejects.toMatchObject({ code: 'step_failed' });
  });

  test.each([
    [1, 160, 120],
    [6, 160, 214],
  ])('of a photo with orientation %i has its sides upright', async (orientation, width, height) => {
    const turned = bench.path(`turned-${orientation}.jpg`);
    makePhoto(turned, { Orientation: orientation });
    const { produced, at } = await bench.run('thumbnail', turned, { width: 160 });
    expect(produced).toMatchObject([
      { role: 'thumbnail', path: `turned-${orientation}.thumbnail.jpg`, mediaType: 'image/jpeg' },
    ]);
    expect(probeFile(at(`turned-${orientation}.thumbnail.jpg`)).streams).toEqual([{ codec: 'mjpeg', width, height }]);
  });

  test('of a video is one of its pictures; an original that is small stays so', async () => {
    const { at } = await bench.run('thumbnail', video, { width: 4000, format: 'webp' });
    expect(probeFile(at('clip.thumbnail.webp')).streams).toEqual([{ codec: 'webp', width: 320, height: 180 }]);
  });

  test('names that are traps for programs are no matter', async () => {
    for (const name of ['-i %03d.jpg', 'a:b|c?.jpg', 'x\ny.jpg', `caf\udce9.jpg`]) {
      const path = `${bench.folder}/${name}`;
      execFileSync('cp', [photo, bench.path('plain.jpg')]);
      renameSync(bench.path('plain.jpg'), Buffer.from(pathBytes(path)));
      const plan = bench.plan(path);
      const { steps } = await import('../../src/steps/index.ts');
      const step = steps.find(({ kind }) => kind === 'thumbnail');
      const call = { signal: new AbortController().signal, progress: () => undefined };
      const file = { path, sizeBytes: 1, mtimeMs: 0, mediaType: null };
      await step?.run(file, plan, step.params.parse({}), call);
      expect(readdirSync(plan.workFolder, 'buffer').map(String).sort()).toHaveLength(2);
    }
  });
});

describe('transcode', () => {
  test('h264-proxy can be played while it loads, and progress reaches the end', async () => {
    const told: [number, number | null][] = [];
    const long = bench.path('long.mp4');
    makeVideo(long, { seconds: 20, size: '640x360' });
    const { produced, at, facts, tool } = await bench.run(
      'transcode',
      long,
      { preset: 'h264-proxy', height: 120 },
      {
        progress: (done, total) => told.push([done, total]),
      },
    );
    const proxy = at('long.proxy.mp4');
    expect(produced).toEqual([{ role: 'proxy', path: 'long.proxy.mp4', mediaType: 'video/mp4' }]);
    expect(probeFile(proxy)).toMatchObject({
      durationSeconds: expect.closeTo(20, 0),
      streams: [{ codec: 'h264', width: 214, height: 120 }, { codec: 'aac' }],
    });
    const head = readFileSync(proxy).toString('latin1');
    expect(head.indexOf('moov')).toBeLessThan(head.indexOf('mdat'));
    expect(facts.durationSeconds).toBeCloseTo(20, 0);
    expect(tool?.name).toBe('ffmpeg');
    expect(told.at(-1)?.[0]).toBeCloseTo(20, 0);
    expect(told.every(([, total]) => total !== null && Math.abs(total - 20) < 0.5)).toBe(true);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a - b));
  });

  test('hls has a playlist for each size, and segments of the asked length', async () => {
    const { produced, at } = await bench.run('transcode', video, {
      preset: 'hls',
      segmentSeconds: 1,
      renditions: [
        { height: 180, videoKbps: 500 },
        { height: 90, videoKbps: 200 },
      ],
    });
    expect(produced).toEqual([{ role: 'hls', path: 'clip.hls', mediaType: 'application/vnd.apple.mpegurl' }]);
    const index = text(at('clip.hls/index.m3u8'));
    expect(index.match(/#EXT-X-STREAM-INF/g)).toHaveLength(2);
    expect(index).toContain('RESOLUTION=320x180');
    expect(index).toContain('RESOLUTION=160x90');
    for (const size of ['v0', 'v1']) {
      const list = text(at(`clip.hls/${size}/index.m3u8`));
      expect(list).toContain('#EXT-X-ENDLIST');
      expect(list.match(/#EXTINF/g)).toHaveLength(2);
      for (const segment of list.split('\n').filter((line) => line.endsWith('.ts'))) {
        expect(existsSync(at(`clip.hls/${size}/${segment}`))).toBe(true);
      }
    }
    expect(probeFile(at('clip.hls/index.m3u8')).durationSeconds).toBeCloseTo(2, 0);
  });

  test('stitch-equirect gives back the sphere that the lenses saw', async () => {
    const fisheye = bench.path('VID_1.insv');
    makeDualFisheye(fisheye);
    const { produced, at } = await bench.run('transcode', fisheye, { preset: 'stitch-equirect' });
    expect(produced).toEqual([{ role: 'stitched', path: 'VID_1.equirect.mp4', mediaType: 'video/mp4' }]);
    const sphere = at('VID_1.equirect.mp4');
    expect(probeFile(sphere)).toMatchObject({
      durationSeconds: expect.closeTo(2, 0),
      streams: [{ codec: 'h264', width: 512, height: 256 }, { codec: 'aac' }],
    });
    // The test picture before the lenses: its bars stand again where they were, away from the seam.
    const before = bench.path('before.png');
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=512x256:rate=10',
      '-frames:v',
      '1',
      before,
    ]);
    const distance = (path: string, x: number, y: number) => {
      const one = pixel(before, x, y);
      const other = pixel(path, x, y);
      return Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? 0))));
    };
    const spots = [
      [256, 100],
      [230, 60],
      [280, 60],
      [300, 120],
      [210, 120],
    ] as const;
    expect(Math.max(...spots.map(([x, y]) => distance(sphere, x, y)))).toBeLessThan(60);
    // Control: the original itself is another picture there.
    expect(Math.max(...spots.map(([x, y]) => distance(fisheye, x, y)))).toBeGreaterThan(60);
    // The same lenses as two videos of one file.
    const pair = bench.path('VID_2.insv');
    const halves = '[0:v]split[a][b];[a]crop=256:256:0:0[l];[b]crop=256:256:256:0[r]';
    const maps = ['-filter_complex', halves, '-map', '[l]', '-map', '[r]', '-f', 'mp4', pair];
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', fisheye, ...maps]);
    const joined = await bench.run('transcode', pair, { preset: 'stitch-equirect' });
    const other = joined.at('VID_2.equirect.mp4');
    expect(probeFile(other).streams).toEqual([{ codec: 'h264', width: 512, height: 256 }]);
    expect(Math.max(...spots.map(([x, y]) => distance(other, x, y)))).toBeLessThan(60);
    const narrow = bench.path('narrow.mp4');
    makeVideo(narrow, { size: '240x180' });
    await expect(bench.run('transcode', narrow, { preset: 'stitch-equirect' })).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringContaining('side by side'),
    });
  });

  test('a damaged original fails with what ffmpeg says, or with what is missing', async () => {
    const noise = bench.path('noise.mp4');
    writeFileSync(noise, Buffer.alloc(50_000, 7));
    await expect(bench.run('transcode', noise, { preset: 'h264-proxy' })).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringMatching(/noise\.mp4 could not be processed: ff\w+ ended with code \d+: .*Invalid data/),
    });
    const cut = bench.path('cut.mp4');
    makeVideo(cut, { seconds: 10 });
    truncateSync(cut, 60_000);
    const naive = bench.path('naive.mp4');
    // Control: ffmpeg itself is content with half of it.
    execFileSync('ffmpeg', ['-v', 'quiet', '-y', '-i', cut, naive]);
    expect(probeFile(naive).durationSeconds).toBeLessThan(9);
    await expect(bench.run('transcode', cut, { preset: 'h264-proxy' })).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringMatching(/has 10\.0 s, and ffmpeg could make \d\.\d s of it/),
    });
  });

  test('without ffmpeg it says what to install', async () => {
    const path = process.env.PATH;
    mkdirSync(bench.path('empty'), { recursive: true });
    process.env.PATH = bench.path('empty');
    try {
      await expect(bench.run('transcode', video, { preset: 'hls' })).rejects.toMatchObject({
        code: 'tool_missing',
        message: expect.stringContaining('apt install ffmpeg'),
      });
      await expect(bench.run('metadata', photo)).rejects.toMatchObject({
        code: 'tool_missing',
        message: expect.stringContaining('libimage-exiftool-perl'),
      });
    } finally {
      process.env.PATH = path;
    }
  });
});

describe('exec', () => {
  test('replaces its words and nothing else, and keeps what it makes', async () => {
    const { produced, at, output } = await bench.run('exec', photo, {
      argv: [
        'sh',
        '-c',
        'printf "%s\\n" "$@" > "$0"; env >> "$0"',
        '{output}',
        '{input}',
        '{workFolder}',
        '{name}',
        '{unknown}',
        '$(id)',
      ],
      output: '{name}.txt',
      role: 'listing',
      env: { MODE: 'fast' },
    });
    expect(produced).toEqual([{ role: 'listing', path: 'Photo 1.txt', mediaType: null }]);
    const lines = text(at('Photo 1.txt')).split('\n');
    expect(lines.slice(0, 5)).toEqual([photo, output.workFolder, 'Photo 1', '{unknown}', '$(id)']);
    expect(lines).toContain('MODE=fast');
    expect(lines.filter((line) => line.startsWith('HOME='))).toEqual([]);
  });

  test('fails with what the program says', async () => {
    await expect(
      bench.run('exec', photo, { argv: ['sh', '-c', 'echo first >&2; echo no licence >&2; exit 9'] }),
    ).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringContaining('ended with code 9: no licence'),
    });
    await expect(bench.run('exec', photo, { argv: ['true'], output: 'x' })).rejects.toMatchObject({
      message: expect.stringContaining('made no x'),
    });
    await expect(bench.run('exec', photo, { argv: ['true'], output: '../x' })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    rmSync(bench.path('never'), { force: true });
  });
});
