// A card comes home, for whoever looks at the console: real films and photos on a real file system, pipelines, and a rule.

import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoopCard, makeCard } from '../support/loop-card.ts';
import { makePhoto, makeVideo } from '../support/media.ts';

export const cardConfig = (folder: string) => `
roots: [${folder}]
mediaBase: ${folder}/media
pipelines:
  - name: films
    files: ['*.mp4']
    steps:
      - { step: metadata }
      - { step: thumbnail }
      - { step: transcode, preset: hls }
  - name: photos
    files: ['*.jpg']
    steps: [{ step: metadata }, { step: thumbnail }]
offload:
  rules:
    - { name: Drone footage, kind: osc, include: ['**/*.insv'], deleteAfterCopies: 2 }
`;

export const prepareCard = (folder: string) => mkdirSync(join(folder, 'media'));

export interface CardScene {
  insert(): void;
  /** As a hand does it: without a word before. */
  pull(): void;
  close(): void;
}

/** When all of its files were recorded: 21 September 2026. */
const takenAtSeconds = 1_790_000_000;

/** A film with a preview, and two photos; it is not in yet. `above` is a folder where cards are looked for; left out: a new one. */
export function openCardScene(above?: string): CardScene {
  const scratch = mkdtempSync(join(tmpdir(), 'wherry-card-'));
  const mounts = above ?? mkdtempSync('/mnt/wherry-');
  const mountPoint = join(mounts, 'EOS_CARD');
  const [film, photo] = [join(scratch, 'film.mp4'), join(scratch, 'photo.jpg')];
  makeVideo(film, { seconds: 6 });
  makePhoto(photo, { Model: 'X9' });
  const card: LoopCard = makeCard(
    join(scratch, 'card.img'),
    {
      'DCIM/100CANON/MVI_0001.MP4': readFileSync(film),
      'DCIM/100CANON/MVI_0001.THM': readFileSync(photo),
      'DCIM/100CANON/IMG_0002.JPG': readFileSync(photo),
      'DCIM/100CANON/IMG_0003.JPG': readFileSync(photo),
    },
    takenAtSeconds,
  );
  return {
    insert: () => card.insert(mountPoint),
    pull: () => card.pull(),
    close() {
      card.dispose();
      rmSync(mountPoint, { recursive: true, force: true });
      if (above === undefined) rmdirSync(mounts);
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
