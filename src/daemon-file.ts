// The daemon's calling card in its data folder: where it listens and the token by which this user's own commands talk to it.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DaemonCard {
  readonly url: string;
  readonly pid: number;
  /** Good as long as the process lives. */
  readonly token: string;
  readonly version: string;
  readonly startedAt: string;
  readonly logFolder: string;
  /** PEM; there where the daemon speaks TLS. This user's own commands trust it because it stands here. */
  readonly certificate?: string;
  /** True where nobody else vouches for that certificate: it alone is taken. */
  readonly selfMade?: boolean;
}

const name = 'daemon.json';

/** Readable by the daemon's user alone. */
export function writeDaemonCard(dataFolder: string, card: DaemonCard): void {
  const file = join(dataFolder, name);
  const aside = `${file}.${process.pid}`;
  rmSync(aside, { force: true });
  writeFileSync(aside, `${JSON.stringify(card, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(aside, file);
}

/** Undefined where no daemon has left one, or where its process is gone. Rejects with what the file system says of one that may not be read. */
export function readDaemonCard(dataFolder: string): DaemonCard | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataFolder, name), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
  try {
    const card = JSON.parse(text) as DaemonCard;
    return isAlive(card.pid) ? card : undefined;
  } catch {
    return undefined;
  }
}

/** Takes away one's own. */
export function removeDaemonCard(dataFolder: string): void {
  if (readDaemonCard(dataFolder)?.pid === process.pid) rmSync(join(dataFolder, name), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process that may not be signalled is alive all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
