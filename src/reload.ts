// Reads the configuration again while the daemon runs: what changed is applied, or named as needing a restart; a file with a mistake changes nothing.

import { isDeepStrictEqual } from 'node:util';
import type { Settings } from './config.ts';
import type { EngineLog } from './engine/engine-parts.ts';
import { asFault, Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import { type S3Config, s3ConfigSchema } from './model/s3-config.ts';
import type { ReloadView } from './model/views.ts';

type ConfigEvent = 'observation.config.reloaded' | 'observation.config.refused';

export interface ReloadParts {
  readonly read: (() => Promise<Settings>) | undefined;
  /** Puts the settings in force, but for what needs a restart. `changed` holds the first words of the keys. */
  readonly apply: (settings: Settings, changed: ReadonlySet<string>) => Promise<void>;
  readonly tell: (name: ConfigEvent, data: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly log: EngineLog;
}

const s3Keys = Object.keys(s3ConfigSchema.shape) as (keyof S3Config)[];

type Change = ReloadView['changed'][number];

/** One after the other; each compares with what the last one that was taken said. */
export function createReload(first: Settings, parts: ReloadParts): (by: string) => Promise<ReloadView> {
  const { read, apply, tell, log } = parts;
  let inForce = first;
  let last: Promise<unknown> = Promise.resolve();

  const reload = async (by: string): Promise<ReloadView> => {
    if (read === undefined) throw new Fault('unsupported', 'This daemon was not started from a configuration.');
    let next: Settings;
    try {
      next = await read();
    } catch (error) {
      const { code, message } = asFault(error).report();
      log.error({ by, fault: code }, `The configuration was not taken, everything stays as it was: ${message}`);
      await tell('observation.config.refused', { by, code, message });
      throw error;
    }
    const changed = changesBetween(inForce, next);
    // What needs a restart still holds as it was, and is named again the next time.
    await apply(next, new Set(changed.map(({ key }) => key.split('.')[0] ?? key)));
    inForce = { ...next, ...keptUntilRestart(inForce, next.logs.level) };
    const file = next.file === null ? null : displayPath(next.file);
    log.info({ by, file, changed }, 'The configuration was read again');
    const later = changed.filter(({ takesEffect }) => takesEffect === 'restart').map(({ key }) => key);
    if (later.length > 0) log.warn({ by, keys: later }, `These need a restart of the daemon: ${later.join(', ')}`);
    await tell('observation.config.reloaded', { by, file, changed });
    return { file, changed };
  };
  return (by) => {
    const mine = last.then(() => reload(by));
    last = mine.catch(() => undefined);
    return mine;
  };
}

function keptUntilRestart(
  { dataFolder, listen, insecureHttp, tls, logs, plugins, devices }: Settings,
  level: Settings['logs']['level'],
): Partial<Settings> {
  return { dataFolder, listen, insecureHttp, tls, plugins, devices, logs: { ...logs, level } };
}

/** In the order of the guide, by the names that the configuration has for them. */
export function changesBetween(before: Settings, after: Settings): Change[] {
  const old = namedValues(before);
  return namedValues(after).flatMap(([key, takesEffect, value], at): Change[] => {
    const was = old[at]?.[2];
    if (isDeepStrictEqual(was, value)) return [];
    const isSecret = ['tokenFile', 'webhooks', 'sinks', 'rooms.iceServers'].includes(key);
    return [{ key, takesEffect, before: isSecret ? null : shown(was), after: isSecret ? null : shown(value) }];
  });
}

type Named = readonly [key: string, takesEffect: Change['takesEffect'], value: unknown];

function namedValues(settings: Settings): readonly Named[] {
  const { limits, retry, logs } = settings;
  const now = (key: string, value: unknown): Named => [key, 'now', value];
  const restart = (key: string, value: unknown): Named => [key, 'restart', value];
  return [
    restart('data', settings.dataFolder),
    restart('listen', settings.listen),
    restart('insecureHttp', settings.insecureHttp),
    restart('tls', settings.tls),
    now('tokenFile', settings.adminToken),
    now('allowedOrigins', settings.allowedOrigins),
    now('allowedHosts', settings.allowedHosts),
    now('roots', settings.roots),
    now('mediaBase', settings.mediaBase),
    now('limits.transfers', limits.transfers),
    now('limits.perEndpoint', limits.perEndpoint),
    now('limits.endpoints', limits.endpoints),
    now('limits.processing', limits.processing),
    now('bandwidth', settings.bandwidth),
    now('stallSeconds', settings.stallMs / 1000),
    now('retry.firstSeconds', retry.firstSeconds),
    now('retry.mostSeconds', retry.mostSeconds),
    now('retry.windowDays', retry.windowDays),
    now('retry.attempts', retry.attempts),
    now('retry.checkSeconds', retry.checkSeconds),
    now('historyDays', settings.historyDays),
    now('eventDays', settings.eventDays),
    now('logs.level', logs.level),
    restart('logs.folder', logs.folder),
    restart('logs.maxSize', logs.maxBytes),
    restart('logs.keep', logs.keep),
    restart('logs.jobs', logs.jobs),
    restart('plugins', settings.plugins),
    ...Object.entries(settings.devices).map(([key, value]) => restart(`devices.${key}`, value)),
    now('ssh.hosts', settings.ssh.hosts),
    ...s3Keys.map((key) => now(`s3.${key}`, settings.s3[key])),
    now('offload.rules', settings.offload.rules),
    now('offload.triggers', settings.offload.triggers),
    now('webhooks', settings.webhooks),
    now('sinks', settings.sinks),
    now('pipelines', settings.pipelines),
    now('watches', settings.watches),
    now('syncs', settings.syncs),
    now('sync.presets', settings.syncPresets),
    now('compat.syncWithoutToken', settings.syncWithoutToken),
    ...Object.entries(settings.rooms).map(([key, value]) => now(`rooms.${key}`, value)),
  ];
}

function shown(value: unknown): string {
  return displayPath(JSON.stringify(value ?? null)).slice(0, 1000);
}
