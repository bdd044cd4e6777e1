// How a command finds the daemon that runs on this machine, and talks to it.

import { type Client, createClient } from '../api/client.ts';
import { defaultDataFolder, fetchByCard, loadSettings, readDaemonCard } from '../config.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Flags } from './command-line.ts';

export interface DaemonLink {
  readonly client: Client;
  readonly url: string;
  readonly dataFolder: string;
  readonly logFolder: string;
}

/** Undefined where no daemon runs on that data folder. Rejects with `permission` where it is another user's. */
export function findDaemon(dataFolder: string): DaemonLink | undefined {
  let card: ReturnType<typeof readDaemonCard>;
  try {
    card = readDaemonCard(dataFolder);
  } catch (error) {
    throw new Fault('permission', `The daemon's card in ${displayPath(dataFolder)} may not be read by this user.`, {
      cause: error,
    });
  }
  if (card === undefined) return undefined;
  const token = process.env.WHERRY_TOKEN || card.token;
  const client = createClient({ url: card.url, token, fetch: fetchByCard(card) });
  return { client, url: card.url, dataFolder, logFolder: card.logFolder };
}

/** Rejects with `unreachable` where none runs. The folder: --data, WHERRY_DATA, the configuration's, the default. */
export async function requireDaemon(flags: Flags): Promise<DaemonLink> {
  const given = flags.text('data');
  const dataFolder = given ?? (await dataFolderOfSettings());
  const daemon = findDaemon(dataFolder);
  if (daemon !== undefined) return daemon;
  throw new Fault(
    'unreachable',
    `No daemon runs on the data folder ${displayPath(dataFolder)}. Start one with \`wherry serve\`, or name its folder with --data.`,
  );
}

/** A configuration with a mistake must not keep anybody from talking to the daemon. */
async function dataFolderOfSettings(): Promise<string> {
  try {
    return (await loadSettings()).dataFolder;
  } catch {
    return defaultDataFolder();
  }
}
