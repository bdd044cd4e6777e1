// `npm run screenshots`: the guide's pictures of the console (docs/images), taken from a real daemon with real transfers. `--all FOLDER`: every page, both widths, both themes, and with nothing, one row or only failures, to look at; `--only nothing,receipt` some of them; `--card`: those of devices and recordings, from a card that is mounted for it; `--syncs`: those of syncs, with a real SSH server; `--rooms`: a room with people in it.

import { mkdirSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Page, PageScreenshotOptions } from 'playwright-core';
import type { SyncDefinitionBody } from '../src/model/sync-spec.ts';
import { cardConfig, openCardScene, prepareCard } from '../test/browser/card-scene.ts';
import { openRealConsole, type RealConsole } from '../test/browser/real-console.ts';
import { comeIn, fileLine, makeRoom, sendFiles } from '../test/browser/room-rig.ts';
import { prepareScene, type Scene, sceneConfig, stageScene } from '../test/browser/scene.ts';
import { makeOld, openSyncScene } from '../test/browser/sync-scene.ts';

const { values } = parseArgs({
  options: {
    all: { type: 'string' },
    only: { type: 'string' },
    card: { type: 'boolean' },
    syncs: { type: 'boolean' },
    rooms: { type: 'boolean' },
  },
});
const desk = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };
const guide = resolve(import.meta.dirname, '../docs/images');

interface Picture {
  readonly name: string;
  readonly address: string;
  /** What must be in sight before the picture is taken. */
  readonly shows?: string;
}

async function shoot(
  page: Page,
  console_: RealConsole,
  picture: Picture,
  file: string,
  clip: PageScreenshotOptions = {},
): Promise<void> {
  await page.goto(console_.url + picture.address);
  await page.locator('[data-connection=live]').waitFor();
  await page.locator('main h1, main h2').first().waitFor({ state: 'attached' });
  await page.getByText('Reading…').waitFor({ state: 'detached' });
  if (picture.shows !== undefined) await page.getByText(picture.shows).first().waitFor();
  // Speeds are known after the second report of progress.
  await page.waitForTimeout(1500);
  await page.screenshot({ path: file, animations: 'disabled', ...clip });
  process.stdout.write(`${file}\n`);
}

async function pictures(scene: Scene): Promise<readonly Picture[]> {
  const [done, moving, failed, waiting, growing] = await Promise.all(
    [scene.done, scene.moving, scene.failed, scene.waiting, scene.watch].map(scene.firstOf),
  );
  return [
    { name: 'overview', address: '/' },
    { name: 'transfers', address: '/transfers' },
    { name: 'by-job', address: '/transfers?group=job' },
    { name: 'receipt', address: `/transfers/${done}`, shows: 'Receipt' },
    { name: 'moving', address: `/transfers/${moving}` },
    { name: 'failed', address: `/transfers/${failed}` },
    { name: 'waiting', address: `/transfers/${waiting}` },
    { name: 'growing', address: `/transfers/${growing}` },
    { name: 'watches', address: `/watches/${scene.watch}` },
    { name: 'new-watch', address: '/watches/new' },
    { name: 'jobs', address: `/jobs/${scene.moving}` },
    { name: 'new-copy', address: '/jobs/new' },
    { name: 'storage', address: '/storage' },
    { name: 'events', address: '/events' },
    { name: 'changes', address: '/changes' },
    { name: 'webhooks', address: `/webhooks/${scene.webhook}` },
    { name: 'new-webhook', address: '/webhooks/new' },
    { name: 'settings', address: '/settings' },
    { name: 'about', address: '/about' },
    { name: 'find', address: '/find?path=notes.txt' },
    { name: 'not-found', address: '/nowhere' },
  ];
}

/** The overview last: its graph has something to show by then. */
const inGuide = ['transfers', 'receipt', 'watches', 'overview'];

/** What a console shows before there is anything, with one row, and when everything failed. */
async function takeSparse(console_: RealConsole, folder: string): Promise<void> {
  const stage = async (name: string) => {
    if (values.only !== undefined && !values.only.split(',').includes(name)) return;
    for (const viewport of [desk, phone]) {
      const page = await console_.page({ viewport, colorScheme: 'light' });
      for (const address of [
        '/',
        '/transfers',
        '/jobs',
        '/watches',
        '/syncs',
        '/storage',
        '/events',
        '/changes',
        '/webhooks',
      ]) {
        const of = address === '/' ? 'overview' : address.slice(1);
        await shoot(page, console_, { name, address }, join(folder, `${name}-${of}-${viewport.width}.png`));
      }
      await page.context().close();
    }
  };
  const refuse = async (sources: readonly string[]) => {
    const body = {
      kind: 'copy' as const,
      sources: sources.map((path) => join(console_.folder, path)),
      destination: join(console_.folder, 'archive/'),
      conflict: 'fail' as const,
    };
    const { id } = await console_.api.call('createJob', { body });
    while ((await console_.api.call('getJob', { params: { id } })).state !== 'failed') await setTimeout(100);
  };
  await stage('nothing');
  await refuse(['desk/notes.txt']);
  await stage('one');
  for (let more = 0; more < 20; more++) await refuse(['desk/notes.txt', 'desk/rushes.edl']);
  await stage('all-failed');
}

async function takeAll(console_: RealConsole, scene: Scene, folder: string): Promise<void> {
  for (const viewport of [desk, phone]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await console_.page({ viewport, colorScheme });
      for (const picture of await pictures(scene)) {
        if (values.only !== undefined && !values.only.split(',').includes(picture.name)) continue;
        await shoot(page, console_, picture, join(folder, `${picture.name}-${viewport.width}-${colorScheme}.png`));
      }
      await page.context().close();
    }
  }
}

async function takeGuide(console_: RealConsole, scene: Scene): Promise<void> {
  const page = await console_.page({ viewport: desk, colorScheme: 'light' });
  const all = await pictures(scene);
  for (const name of inGuide) {
    const picture = all.find((one) => one.name === name);
    if (picture === undefined) continue;
    if (name === 'overview') await setTimeout(45_000);
    // Of a drawer the page behind it would only distract.
    const clip = name === 'receipt' ? { clip: { x: 960, y: 0, width: 480, height: 700 } } : {};
    await shoot(page, console_, picture, join(guide, `${name}.png`), clip);
  }
  await page.context().close();
  const pocket = await console_.page({ viewport: phone, colorScheme: 'light' });
  await shoot(pocket, console_, { name: 'phone', address: '/transfers' }, join(guide, 'phone.png'));
}

/** What a card holds and became, in a daemon of its own; needs root, for the card. */
async function takeCard(folder: string): Promise<void> {
  const home = join(tmpdir(), 'studio');
  const console_ = await openRealConsole(cardConfig, prepareCard, home);
  const card = openCardScene('/mnt');
  try {
    const address = '/devices';
    if (values.all !== undefined) await shootEach(console_, [{ name: 'no-devices', address }], folder);
    if (values.all !== undefined)
      await shootEach(console_, [{ name: 'no-recordings', address: '/recordings' }], folder);
    card.insert();
    const here = async () => (await console_.api.call('lookForDevices')).rows.find(({ name }) => name === 'EOS_CARD');
    let device = await here();
    while (device === undefined) {
      await setTimeout(200);
      device = await here();
    }
    const batch = async (files: string[] | 'all') => {
      const body = { device: device?.id ?? '', files, associateWith: 'Flight 7' };
      const { id } = await console_.api.call('queueBatch', { body });
      while ((await console_.api.call('getJob', { params: { id } })).state !== 'completed') await setTimeout(100);
      return id;
    };
    await batch(['DCIM/100CANON/IMG_0002.JPG']);
    const devices = { name: 'devices', address: `/devices/${device.id}`, shows: 'IMG_0002.JPG' };
    await shootEach(console_, [devices, { name: 'offload', address: `/devices/${device.id}?offload=1` }], folder);
    const job = await batch('all');
    const [film] = (await console_.api.call('listRecordings', { query: { kind: 'video' } })).rows;
    const [photo] = (await console_.api.call('listRecordings', { query: { kind: 'image' } })).rows;
    await shootEach(
      console_,
      [
        { name: 'recordings', address: '/recordings' },
        { name: 'recordings-list', address: '/recordings?view=list' },
        { name: 'recording', address: `/recordings/${film?.id}`, shows: 'Chain of custody' },
        { name: 'photo', address: `/recordings/${photo?.id}`, shows: 'Chain of custody' },
        { name: 'two-phases', address: `/transfers/${film?.id}`, shows: 'Show the recording' },
        { name: 'offload-job', address: `/jobs/${job}` },
      ],
      folder,
    );
  } finally {
    await console_.close();
    card.close();
  }
}

/** Two hosts' pictures come home: before there is a sync, a form, one that runs, its plan, one that failed in part. */
async function takeSyncs(folder: string): Promise<void> {
  const scene = await openSyncScene(values.all === undefined ? join(tmpdir(), 'render-desk') : undefined);
  const { console: console_, home, source, far } = scene;
  const { api } = console_;
  try {
    await shootEach(console_, [{ name: 'no-syncs', address: '/syncs' }], folder);
    for (const name of readdirSync(join(source, 'img2img-images'))) makeOld(join(source, 'img2img-images', name));
    const make = async (name: string, more: object) =>
      (
        await api.call('createSync', {
          body: { name, source, destinations: [join(home, name)], schedule: { everyMinutes: 5 }, ...more },
        })
      ).id;
    const run = async (id: string) => {
      await api.call('runSync', { params: { id } });
      while (!['completed', 'partial'].includes((await api.call('getSync', { params: { id } })).lastRun?.state ?? ''))
        await setTimeout(100);
    };
    const one = await make('GPU 1, stills', {
      folders: [{ from: 'txt2img-images', to: 'pictures' }, 'img2img-images'],
      delete: true,
      media: { metadata: true, xmp: true, thumbnails: true },
    });
    const two = await make('GPU 2, ComfyUI', {
      source: `ssh://gpu-2${far}`,
      folders: ['output'],
      schedule: { cron: '*/10 * * * *', timezone: null },
    });
    const gone = await make('GPU 1, what was rented before', {
      folders: ['img2img-images', 'extras-images'],
      schedule: { cron: '0 2 * * *', timezone: null },
      enabled: false,
    });
    for (const id of [one, two, gone]) await run(id);
    const { spec } = await api.call('getSync', { params: { id: one } });
    const cleanup = { ageHours: 24, preservePatterns: ['**/*.safetensors'] };
    await api.call('editSync', { params: { id: one }, body: { ...(spec as unknown as SyncDefinitionBody), cleanup } });
    // Large enough to be seen on their way.
    for (const name of ['lighthouse, night.mp4', 'slipway, two boats.mp4']) {
      writeFileSync(join(source, 'WAN', name), '');
      truncateSync(join(source, 'WAN', name), 300_000_000);
    }
    await api.call('setBandwidth', { body: { limit: '3M' } });
    const films = await make('Films of the week', { folders: ['WAN', 'img2img-images'], schedule: null, delete: true });
    await api.call('runSync', { params: { id: films } });
    const stills = join(source, 'txt2img-images');
    const [first = '', second = ''] = readdirSync(stills).toSorted();
    rmSync(join(stills, first));
    renameSync(join(stills, second), join(stills, 'the chosen one.png'));
    writeFileSync(join(stills, 'new since then.png'), Buffer.alloc(700_000, 'new'));
    await shootEach(
      console_,
      [
        { name: 'syncs', address: '/syncs' },
        { name: 'sync', address: `/syncs/${films}`, shows: 'Folders, side by side' },
        { name: 'sync-form', address: '/syncs/new' },
        { name: 'sync-edit', address: `/syncs/${two}?edit=1` },
        { name: 'sync-plan', address: `/syncs/${one}?show=plan`, shows: 'To copy' },
        { name: 'sync-cleanup', address: `/syncs/${one}?show=cleanup`, shows: 'would be deleted' },
        { name: 'sync-failed', address: `/syncs/${gone}`, shows: 'Folders: 2' },
        { name: 'sync-ssh', address: `/syncs/${two}`, shows: 'How they are reached' },
      ],
      folder,
    );
  } finally {
    await scene.close();
  }
}

/** A room on a slow line: an offer for Anna, a file on its way to her, one that has arrived. */
async function takeRooms(folder: string): Promise<void> {
  const console_ = await openRealConsole((home) => `roots: [${home}]\n`);
  const make = (name: string, bytes: number) => writeFileSync(join(console_.folder, name), Buffer.alloc(bytes, name));
  const on = [desk, ...(values.all === undefined ? [] : [phone])];
  try {
    for (const viewport of on) {
      const link = await makeRoom(console_, {
        ...{ name: 'Rushes of Thursday', memberName: 'Ingest desk' },
        limits: { bandwidthBytesPerSecond: 1_000_000 },
      });
      const anna = await comeIn(console_, link, 'Anna');
      const bo = await comeIn(console_, link, 'Bo, colour');
      await anna.setViewportSize(viewport);
      make('slate.jpg', 300_000);
      make('A001_C003_1121.mov', 24_000_000);
      make('B002_C001_1121.mov', 18_000_000);
      make('sound report.pdf', 200_000);
      await bo.getByRole('button', { name: 'Anna', exact: true }).click();
      for (const page of [anna, bo]) {
        await page.getByRole('button', { name: 'Which way files go' }).click();
        await page.getByRole('menuitemradio', { name: 'Only by the relay' }).click();
      }
      for (const name of ['slate.jpg', 'A001_C003_1121.mov']) {
        await sendFiles(bo, join(console_.folder, name));
        await anna.getByRole('button', { name: 'Accept', exact: true }).click();
        if (name === 'slate.jpg') await fileLine(anna, name).getByText('Proven').waitFor();
      }
      await sendFiles(bo, [join(console_.folder, 'B002_C001_1121.mov'), join(console_.folder, 'sound report.pdf')]);
      await anna.getByRole('button', { name: 'Accept all' }).waitFor();
      await fileLine(anna, 'A001_C003_1121.mov').getByText('by the relay').waitFor();
      // Speeds are known after some reports of progress.
      await anna.waitForTimeout(5000);
      for (const colorScheme of values.all === undefined ? (['light'] as const) : (['light', 'dark'] as const)) {
        await anna.emulateMedia({ colorScheme });
        const file = join(folder, values.all === undefined ? 'room.png' : `room-${viewport.width}-${colorScheme}.png`);
        await anna.screenshot({ path: file, animations: 'disabled' });
        process.stdout.write(`${file}\n`);
      }
      for (const page of [anna, bo]) await page.context().close();
    }
    if (values.all !== undefined) {
      const rooms = [
        { name: 'rooms', address: '/rooms', shows: 'Rushes of Thursday' },
        { name: 'new-room', address: '/rooms?new=1' },
      ];
      await shootEach(console_, rooms, folder);
    }
  } finally {
    await console_.close();
  }
}

const ofScenesInGuide = ['devices', 'recordings', 'recording', 'sync'];

async function shootEach(console_: RealConsole, of: readonly Picture[], folder: string): Promise<void> {
  const all = values.all !== undefined;
  const wanted = of.filter(({ name }) =>
    all ? (values.only?.split(',').includes(name) ?? true) : ofScenesInGuide.includes(name),
  );
  for (const viewport of all ? [desk, phone] : [desk]) {
    for (const colorScheme of all ? (['light', 'dark'] as const) : (['light'] as const)) {
      const page = await console_.page({ viewport, colorScheme });
      for (const picture of wanted) {
        const file = all ? `${picture.name}-${viewport.width}-${colorScheme}.png` : `${picture.name}.png`;
        const clip = !all && picture.name === 'recording' ? { clip: { x: 960, y: 0, width: 480, height: 900 } } : {};
        await shoot(page, console_, picture, join(folder, file), clip);
      }
      await page.context().close();
    }
  }
}

const folder = values.all === undefined ? guide : resolve(values.all);
mkdirSync(folder, { recursive: true });
if (values.card || values.syncs || values.rooms) {
  await (values.card ? takeCard : values.syncs ? takeSyncs : takeRooms)(folder);
  process.exit();
}
// Paths in the guide's pictures are the same with each run.
const sceneFolder = join(tmpdir(), 'ingest');
const console_ = await openRealConsole(sceneConfig, prepareScene, values.all === undefined ? sceneFolder : undefined);
let scene: Scene | undefined;
try {
  if (values.all !== undefined) await takeSparse(console_, folder);
  scene = await stageScene(console_);
  if (values.all === undefined) await takeGuide(console_, scene);
  else await takeAll(console_, scene, folder);
} finally {
  scene?.close();
  await console_.close();
}
