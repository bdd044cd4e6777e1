// The wall between the folders: who may import what, and why not otherwise.

import { type Import, importsOf, type Source } from './sources.ts';

interface Rule {
  /** Folders below src/ that may be imported, beside one's own; a file where only that file may be. */
  readonly may: readonly string[];
  /** Said where something else is imported. */
  readonly reason: string;
}

const main = 'Only main knows everyone: parts are put together there and handed in.';
const adapter = 'An adapter knows the words of model/ and its own contract alone, so that it can be tested by itself.';
const browser = 'A browser runs this: whatever it imports must run there too.';

/** house table: folder → what it may import. A type counts like a value. */
export const walls: Readonly<Record<string, Rule>> = {
  model: { may: [], reason: 'model/ is the bottom: pure words that everything else is built on.' },
  store: { may: ['model'], reason: adapter },
  endpoints: { may: ['model'], reason: adapter },
  links: { may: ['model'], reason: adapter },
  steps: {
    may: ['model', 'endpoints/digest.ts', 'endpoints/errno.ts'],
    reason:
      'A step knows its contract, the hashes, and what the errors of file calls mean, so that it can be tested by itself.',
  },
  sinks: { may: ['model'], reason: adapter },
  devices: { may: ['model', 'endpoints'], reason: 'A device opens as an endpoint and knows nothing above that.' },
  peer: { may: ['model', 'links'], reason: browser },
  engine: {
    may: ['model', 'store', 'endpoints', 'devices', 'links', 'peer', 'steps', 'sinks'],
    reason: 'The engine decides what happens next; who asks it (api, cli, web) must not matter to it.',
  },
  api: {
    may: ['model', 'store/store.ts', 'engine'],
    reason:
      'The API reads by StoreReader and changes by the engine’s verbs; adapters and the ledger’s inside are not its business.',
  },
  cli: {
    may: ['model', 'api/client.ts', 'main.ts', 'early-thread.ts', 'config.ts'],
    reason: 'The CLI is a client of the API, or of what main puts together in process.',
  },
  web: { may: ['model', 'links', 'peer', 'api/client.ts'], reason: `${browser} The console is a client of the API.` },
};

/** Packages that belong to one folder: heavy, native, or the concern of that folder alone. */
export const packageHomes: Readonly<Record<string, readonly string[]>> = {
  koffi: ['endpoints'],
  'better-sqlite3': ['store'],
  kysely: ['store'],
  pg: ['sinks'],
  fastify: ['api'],
  'socket.io': ['api'],
  'node-datachannel': ['links'],
  'prom-client': ['api'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  react: ['web'],
  'react-dom': ['web'],
};

/** What is wrong with one source's imports, one sentence each with the reason. */
export function breaches(source: Source): string[] {
  const folder = folderOf(source.path);
  if (folder === undefined) return [];
  const found: string[] = [];
  for (const each of importsOf(source)) {
    const reason = each.ours ? refusal(folder, each) : packageRefusal(folder, each);
    if (reason !== undefined) found.push(`${source.path}:${each.line} imports ${each.target}. ${reason}`);
  }
  return found;
}

/** The folder whose rule counts; undefined for what has none (tests, benchmarks, scripts and the root files of src/). */
export function folderOf(path: string): string | undefined {
  const [top, next, ...rest] = path.split('/');
  if (top === 'web') return 'web';
  return top === 'src' && rest.length > 0 ? next : undefined;
}

function refusal(folder: string, each: Import): string | undefined {
  const rule = walls[folder];
  if (rule === undefined) return `src/${folder} has no rule in test/house/wall.ts; say there what it may import.`;
  const target = each.target.replace(/^src\//, '');
  if (each.target.startsWith('src/')) {
    if (target.startsWith(`${folder}/`)) return undefined;
    if (rule.may.some((allowed) => target === allowed || target.startsWith(`${allowed}/`))) {
      if (folder === 'api' && target === 'store/store.ts' && !each.typeOnly)
        return 'The API takes the store’s types only; main hands it the reader.';
      return undefined;
    }
    return target.split('/').length === 1 ? `${rule.reason} ${main}` : rule.reason;
  }
  if (folder === 'web' && each.target.startsWith('web/')) return undefined;
  return each.target === 'package.json' ? undefined : 'Sources import nothing outside src/ (and web/).';
}

function packageRefusal(folder: string, each: Import): string | undefined {
  const name = each.target.startsWith('@')
    ? each.target.split('/').slice(0, 2).join('/')
    : (each.target.split('/')[0] ?? '');
  const homes = name.startsWith('@fastify') ? ['api'] : packageHomes[name];
  if (homes === undefined || homes.includes(folder) || each.typeOnly) return undefined;
  return `The package ${name} belongs to ${homes.join(', ')} alone.`;
}
