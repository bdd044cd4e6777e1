// Cards for tests: images with a file system, mounted by a loop device as a card would be.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface LoopCard {
  /** As blkid tells it. */
  readonly uuid: string;
  /** Mounts it; a card that is in already is another mount of the same. */
  insert(mountPoint: string): void;
  /** As a card that is pulled: what stands open goes on to be readable, the path is empty at once. */
  pull(): void;
  dispose(): void;
}

/** An ext4 card of 64 MiB with these files; needs root. */
export function makeCard(image: string, files: Readonly<Record<string, Uint8Array>>, takenAtSeconds: number): LoopCard {
  mkdirSync(dirname(image), { recursive: true });
  writeFileSync(image, '');
  truncateSync(image, 64 * 2 ** 20);
  run('mkfs.ext4', '-q', '-F', '-E', 'nodiscard', image);
  const uuid = run('blkid', '-o', 'value', '-s', 'UUID', image).trim();
  const mounted: string[] = [];
  const card: LoopCard = {
    uuid,
    insert(mountPoint) {
      mkdirSync(mountPoint, { recursive: true });
      run('mount', '-o', 'loop', image, mountPoint);
      mounted.push(mountPoint);
    },
    pull() {
      for (const mountPoint of mounted.splice(0)) run('umount', '-l', mountPoint);
    },
    dispose() {
      card.pull();
      rmSync(image, { force: true });
    },
  };
  const folder = `${image}.fill`;
  card.insert(folder);
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    run('touch', '-d', `@${takenAtSeconds}`, file);
  }
  run('umount', folder);
  mounted.splice(0);
  rmSync(folder, { recursive: true });
  return card;
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
