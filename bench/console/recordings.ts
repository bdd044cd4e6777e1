// What the page of recordings costs with many of them: first paint, scrolling, and how soon the API answers.

import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { RealConsole } from '../../test/browser/real-console.ts';
import { literalRecording } from '../../test/support/literal-transfer.ts';
import { quantile, say } from './say.ts';

const atOnce = 5_000;

/** Photos and films of fifty flights, newest last. */
export async function fillRecordings(dataFolder: string, count: number): Promise<void> {
  const store = await openSqliteStore({ folder: dataFolder, clock: systemClock });
  let at = Date.now() - count * 1_000;
  const newId = idSource({ ...systemClock, now: () => at }, systemRandom);
  for (let from = 0; from < count; from += atOnce) {
    const changes = Array.from({ length: Math.min(atOnce, count - from) }, (_, index) => {
      at += 1_000;
      const n = from + index;
      const name = n % 3 === 0 ? `MVI_${n}.MP4` : `IMG_${n}.JPG`;
      const known = literalRecording({ id: newId(), name, associateWith: `flight ${n % 50}`, createdAt: at });
      return { kind: 'put_recording' as const, recording: known };
    });
    await store.apply(changes);
  }
  await store.close();
}

export async function recordings(daemon: RealConsole, count: number): Promise<void> {
  const shown = count.toLocaleString('en');
  const asks: readonly (readonly [string, object])[] = [
    ['first page', { limit: 100 }],
    ['of one key', { limit: 100, associateWith: 'flight 7' }],
    ['films', { limit: 100, kind: 'video' }],
    ['by a part of a name', { limit: 100, search: 'IMG_77' }],
  ];
  for (const [what, query] of asks) {
    const took: number[] = [];
    for (let round = 0; round < 120; round++) {
      const begun = performance.now();
      await daemon.api.call('listRecordings', { query });
      if (round >= 20) took.push(performance.now() - begun);
    }
    say(
      `recordings, ${shown}: ${what}`,
      `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms`,
    );
  }
  const tab = await daemon.page();
  const paints: number[] = [];
  for (let round = 0; round < 5; round++) {
    await tab.goto(`${daemon.url}/recordings`);
    paints.push((await tab.evaluate(firstTile)) as number);
  }
  say(
    'first useful paint of the recordings',
    `median ${quantile(paints, 0.5).toFixed(0)} ms, most ${Math.max(...paints).toFixed(0)} ms`,
  );
  for (const view of ['pictures', 'list']) {
    await tab.goto(`${daemon.url}/recordings?view=${view}`);
    await tab.evaluate(firstTile);
    const { frames, blank, held, elements } = (await tab.evaluate(scrolling)) as Record<string, number>;
    say(
      `recordings as ${view}, scrolled for 8 s`,
      `${blank} of ${frames} frames with a blank in sight, ${held} held up for the next page, at most ${elements} in the document`,
    );
  }
  await tab.context().close();
}

/** From the start of loading until the first name is painted, in ms, by the page's own clock. */
const firstTile = `new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('[data-list=recordings] li') !== null) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})`;

/** A blank is a part of the list, above its end, that nothing stands in. */
const scrolling = `(async () => {
  const list = document.querySelector('[data-list=recordings]');
  let frames = 0, blank = 0, held = 0, elements = 0;
  const untilMs = performance.now() + 8000;
  while (performance.now() < untilMs) {
    const before = list.scrollTop;
    list.scrollTop += 100;
    await new Promise((go) => requestAnimationFrame(go));
    frames += 1;
    if (list.scrollTop === before) held += 1;
    const box = list.getBoundingClientRect();
    const items = [...list.querySelectorAll('li')].map((each) => each.getBoundingClientRect());
    elements = Math.max(elements, items.length);
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
    const top = Math.min(...items.map((each) => each.top));
    const bottom = Math.max(...items.map((each) => each.bottom));
    if (top > box.top + 20 || (!isAtEnd && bottom < box.bottom - 20)) blank += 1;
  }
  return { frames, blank, held, elements };
})()`;
