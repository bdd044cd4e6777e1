// The sinks that the configuration asks for: their secrets read, those of plugins looked for, and each ready to be opened.

import { dirname } from 'node:path';
import type { Settings } from './config.ts';
import type { Mounts } from './endpoints/mounts.ts';
import type { SinkWish } from './engine/ingest.ts';
import { Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import type { SinkConfig, SinkSettings } from './model/sink-config.ts';
import type { IngestSink, SinkKind } from './sinks/sink.ts';

interface SecretMeans {
  readonly folder: (text: string) => string;
  /** The first line of a file. Rejects with `config_invalid`. */
  readonly firstLine: (file: string, what: string) => string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Rejects with `config_invalid`: a secret that cannot be read. */
export function sinkSettings(sinks: readonly SinkConfig[], means: SecretMeans): readonly SinkSettings[] {
  return sinks.map((sink) => withSecret(sink, means));
}

function withSecret(sink: SinkConfig, { folder, firstLine, env }: SecretMeans): SinkSettings {
  switch (sink.kind) {
    case 'postgres': {
      const { passwordFile, passwordEnv, ...rest } = sink;
      if (passwordFile !== undefined) {
        return { ...rest, password: firstLine(folder(passwordFile), 'The password file') };
      }
      if (passwordEnv === undefined) return { ...rest, password: null };
      const password = env[passwordEnv];
      if (!password) throw wrong(sink, `the variable ${passwordEnv} is not set`);
      return { ...rest, password };
    }
    case 'json-lines':
      return { ...sink, file: folder(sink.file) };
    case 'webhook': {
      const { secretFile, ...rest } = sink;
      return { ...rest, secret: firstLine(folder(secretFile), 'The secret file') };
    }
    case 'plugin':
      return sink;
  }
}

/** Rejects with `config_invalid`: a plugin that cannot be used, or brings no such sink. */
export async function sinkWishes(
  { sinks, plugins, file }: Pick<Settings, 'sinks' | 'plugins' | 'file'>,
  mounts: Mounts,
): Promise<readonly SinkWish[]> {
  const kinds = sinks.some(({ kind }) => kind === 'plugin') ? await sinkKinds(plugins, file) : new Map();
  const [{ jsonLinesSink }, { postgresSink }, { webhookIngest }] = await Promise.all([
    import('./sinks/json-lines.ts'),
    import('./sinks/postgres.ts'),
    import('./sinks/webhook-ingest.ts'),
  ]);
  const run = <Output>(path: string, operation: string, input: unknown) =>
    mounts.pool(path).run<Output>(operation, input);
  const opened = (sink: SinkSettings): { target: string; open: () => IngestSink } => {
    switch (sink.kind) {
      case 'postgres': {
        const { url, schema, password } = sink;
        const open = () => postgresSink({ url, schema, ...(password === null ? {} : { password }) });
        return { target: `${url} (schema ${schema})`, open };
      }
      case 'json-lines':
        return { target: sink.file, open: () => jsonLinesSink({ path: sink.file, run }) };
      case 'webhook':
        return { target: sink.url, open: () => webhookIngest(sink) };
      case 'plugin': {
        const kind: SinkKind | undefined = kinds.get(sink.sink);
        if (kind === undefined) throw wrong(sink, `no plugin brings a sink named ${displayPath(sink.sink)}`);
        return { target: sink.sink, open: () => kind.open(sink.options) };
      }
    }
  };
  return sinks.map((sink) => {
    const { name, kind, events, jobs, from } = sink;
    const { target, open } = opened(sink);
    const wish = { types: events, jobs };
    return { name, kind, target: displayPath(target), wish, from, settings: sink, open };
  });
}

/** The sinks that plugins bring, by the name that each gives its own. */
async function sinkKinds(plugins: readonly string[], file: string | null): Promise<ReadonlyMap<string, SinkKind>> {
  const { loadModules, pluginFault } = await import('./devices/plugins.ts');
  const kinds = new Map<string, SinkKind>();
  for (const { plugin, exported } of await loadModules(plugins, file === null ? process.cwd() : dirname(file))) {
    const { wherrySinks } = exported;
    if (wherrySinks === undefined) continue;
    if (typeof wherrySinks !== 'function') throw pluginFault(plugin, 'exports a wherrySinks that is no function');
    const given = (await wherrySinks()) as unknown;
    if (!Array.isArray(given)) throw pluginFault(plugin, 'gives no list of sinks');
    for (const one of given as Partial<SinkKind>[]) {
      if (typeof one?.kind !== 'string' || one.kind === '' || typeof one.open !== 'function') {
        throw pluginFault(plugin, 'gives a sink without a kind or without open()');
      }
      if (kinds.has(one.kind)) throw pluginFault(plugin, `brings a second sink of the kind ${displayPath(one.kind)}`);
      kinds.set(one.kind, one as SinkKind);
    }
  }
  return kinds;
}

function wrong({ name }: { readonly name: string }, why: string): Fault {
  return new Fault('config_invalid', `The sink ${displayPath(name)}: ${why}.`);
}
