// The settings: found in flags, then WHERRY_* of the environment, then wherry.yaml, then defaults.

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { roomsSettings } from './config-rooms.ts';
import type { ConfigValues, ListenAddress, SyncConfig, WatchConfig } from './config-schema.ts';
import { defaultLimits } from './default-limits.ts';
import type { RoomsSettings } from './engine/rooms/rooms.ts';
import type { DeviceConfig } from './model/device-config.ts';
import { Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import type { OffloadConfig } from './model/offload-rules.ts';
import type { Pipeline } from './model/pipeline.ts';
import type { S3Config, S3Settings } from './model/s3-config.ts';
import type { SinkSettings } from './model/sink-config.ts';
import type { WatchRequest } from './model/specs.ts';
import type { SshConfig, SshHostConfig } from './model/ssh-config.ts';
import type { SyncPreset } from './model/sync-contract.ts';
import type { SyncDefinitionRequest } from './model/sync-spec.ts';

export { fetchByCard } from './card-fetch.ts';
export type { ConfigProblem } from './config-problems.ts';
export type { ListenAddress } from './config-schema.ts';
export { type DaemonCard, readDaemonCard } from './daemon-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line says; it wins over everything else. */
export interface SettingFlags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly listen?: string | undefined;
  readonly bandwidth?: string | undefined;
  readonly transfers?: number | undefined;
  readonly insecureHttp?: boolean | undefined;
}

export interface Settings {
  /** The configuration that was read; null where there is none. */
  readonly file: string | null;
  /** Absolute, as are all folders here. */
  readonly dataFolder: string;
  readonly listen: ListenAddress;
  readonly insecureHttp: boolean;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | 'self-made' | null;
  readonly adminToken: string | null;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  /** What the API may read from and write to. */
  readonly roots: readonly string[];
  readonly mediaBase: string | null;
  readonly limits: ConfigValues['limits'];
  readonly bandwidth: string | null;
  readonly stallMs: number;
  readonly retry: ConfigValues['retry'];
  readonly eventDays: number;
  /** Null is for ever. */
  readonly historyDays: number | null;
  readonly logs: LogSettings;
  readonly watches: readonly WatchRequest[];
  readonly syncs: readonly (SyncDefinitionRequest & { readonly destinations: readonly string[] })[];
  readonly webhooks: readonly WebhookSettings[];
  readonly sinks: readonly SinkSettings[];
  /** By `source_type` of the sync contract. */
  readonly syncPresets: Readonly<Record<string, SyncPreset>>;
  /** The sync contract may be spoken from this machine without a token. */
  readonly syncWithoutToken: boolean;
  /** What files go through once they have arrived: the first that fits. */
  readonly pipelines: readonly Pipeline[];
  readonly offload: OffloadConfig;
  /** Names of packages, and absolute paths. */
  readonly plugins: readonly string[];
  readonly devices: DeviceConfig;
  readonly ssh: SshConfig;
  readonly s3: S3Config;
  readonly rooms: RoomsSettings;
}

export interface WebhookSettings {
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly allowPrivate: boolean;
  readonly secret: string;
}

export interface LogSettings {
  readonly folder: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly maxBytes: number;
  readonly keep: number;
  readonly jobs: number;
}

export const defaultListen: ListenAddress = { host: '127.0.0.1', port: 7373 };

/** Folders of the XDG base directory specification, Wherry's own part of them. */
export function xdgFolder(kind: 'config' | 'data' | 'state' | 'cache', env: Environment = process.env): string {
  const given = env[`XDG_${kind.toUpperCase()}_HOME`];
  // The specification: a path that is not absolute is to be ignored.
  if (given?.startsWith('/')) return join(given, 'wherry');
  const below = { config: '.config', data: '.local/share', state: '.local/state', cache: '.cache' }[kind];
  return join(env.HOME || homedir(), below, 'wherry');
}

/** Where the daemon keeps its ledger when nobody says otherwise. */
export function defaultDataFolder(env: Environment = process.env): string {
  return env.WHERRY_DATA ? resolve(env.WHERRY_DATA) : join(xdgFolder('data', env), 'daemon');
}

/** The configuration to read: as given, or the first that is there. Rejects with `not_found` where a given one is not. */
export function findConfigFile(given: string | undefined, env: Environment = process.env): string | null {
  const named = given ?? env.WHERRY_CONFIG;
  if (named) {
    if (!existsSync(named)) throw new Fault('not_found', `The configuration ${displayPath(named)} is not there.`);
    return resolve(named);
  }
  const folders = [
    xdgFolder('config', env),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':').map((dir) => join(dir, 'wherry')),
  ];
  return folders.map((folder) => join(folder, 'wherry.yaml')).find((file) => existsSync(file)) ?? null;
}

/**
 * Rejects with `config_invalid` (naming file, line and column of the first mistake), `not_found` (a file that was named),
 * or `permission` and `io` where it cannot be read.
 */
export async function loadSettings(flags: SettingFlags = {}, env: Environment = process.env): Promise<Settings> {
  const file = findConfigFile(flags.config, env);
  const { configSchema, parseListen } = await import('./config-schema.ts');
  let values: ConfigValues;
  if (file === null) values = configSchema.parse({});
  else {
    const read = await readConfigFile(file);
    if (read.values === undefined) {
      const [first, ...more] = read.problems;
      const rest = more.length === 0 ? '' : ` (and ${more.length} more; \`wherry config check\` shows all)`;
      throw new Fault('config_invalid', `${problemLine(file, first)}${rest}`, { place: { path: displayPath(file) } });
    }
    values = read.values;
  }
  const home = file === null ? process.cwd() : dirname(file);
  const folder = (text: string) => resolve(home, text.replace(/^~(?=\/|$)/, env.HOME || homedir()));
  const fromEnv = (name: string) => (env[name] ? env[name] : undefined);

  const listenText = flags.listen ?? fromEnv('WHERRY_LISTEN') ?? values.listen;
  const listen = listenText === undefined ? defaultListen : parseListen(listenText);
  if (listen === undefined) {
    throw new Fault(
      'invalid',
      `"${displayPath(listenText ?? '')}" is no address to listen at. Write HOST:PORT, such as 127.0.0.1:7373.`,
    );
  }
  const dataFolder = resolve(
    flags.data ?? fromEnv('WHERRY_DATA') ?? (values.data === undefined ? defaultDataFolder(env) : folder(values.data)),
  );
  const media = fromEnv('WHERRY_MEDIA_BASE') ?? fromEnv('MEDIA_BASE');
  const mediaBase =
    media !== undefined ? resolve(media) : values.mediaBase === undefined ? null : folder(values.mediaBase);
  const logBase = fromEnv('WHERRY_LOG_BASE') ?? fromEnv('LOG_BASE');
  const watches = values.watches.map((watch) => watchRequest(watch, folder));
  const syncs = values.syncs.map((sync) => syncRequest(sync, folder));
  const offload = offloadSettings(values, folder);
  const roots =
    values.roots?.map(folder) ??
    [
      ...[...watches, ...syncs].flatMap(({ source, destinations }) => [source, ...destinations]),
      ...offload.rules.flatMap(({ downloadDir, processedDir }) => [fixedPart(downloadDir), fixedPart(processedDir)]),
    ].filter((place): place is string => place?.startsWith('/') === true);
  const bandwidth = flags.bandwidth ?? fromEnv('WHERRY_BANDWIDTH') ?? values.bandwidth;
  if (bandwidth !== null) await checkBandwidth(bandwidth);
  return {
    file,
    dataFolder,
    listen,
    insecureHttp:
      flags.insecureHttp ??
      (fromEnv('WHERRY_INSECURE_HTTP') === undefined ? values.insecureHttp : isYes(env, 'WHERRY_INSECURE_HTTP')),
    tls:
      values.tls === undefined || values.tls === 'self-made'
        ? (values.tls ?? null)
        : { certificateFile: folder(values.tls.certificateFile), keyFile: folder(values.tls.keyFile) },
    adminToken: await adminToken(env, values.tokenFile === undefined ? undefined : folder(values.tokenFile)),
    allowedOrigins: values.allowedOrigins,
    allowedHosts: values.allowedHosts,
    roots: [...new Set([...roots, ...(mediaBase === null ? [] : [mediaBase])])],
    mediaBase,
    limits: {
      ...values.limits,
      transfers: flags.transfers ?? wholeNumber(env, 'WHERRY_TRANSFERS') ?? values.limits.transfers,
    },
    bandwidth: bandwidth === 'off' ? null : bandwidth,
    stallMs: values.stallSeconds * 1000,
    retry: values.retry,
    eventDays: values.eventDays,
    historyDays: values.historyDays,
    logs: {
      folder:
        logBase !== undefined
          ? resolve(logBase)
          : values.logs.folder === undefined
            ? join(dataFolder, 'logs')
            : folder(values.logs.folder),
      level: logLevel(fromEnv('WHERRY_LOG_LEVEL')) ?? values.logs.level,
      maxBytes: values.logs.maxSize,
      keep: values.logs.keep,
      jobs: values.logs.jobs,
    },
    watches,
    syncs,
    webhooks: await webhookSettings(values, folder),
    syncPresets: presetSettings(values.sync.presets, folder),
    syncWithoutToken: values.compat.syncWithoutToken,
    sinks:
      values.sinks.length === 0
        ? []
        : (await import('./config-sinks.ts')).sinkSettings(values.sinks, { folder, firstLine, env }),
    pipelines: values.pipelines ?? (await import('./steps/default-pipelines.ts')).defaultPipelines,
    offload,
    plugins: values.plugins.map((plugin) => (/^[./~]/.test(plugin) ? folder(plugin) : plugin)),
    devices: {
      ...values.devices,
      mounted: { ...values.devices.mounted, roots: values.devices.mounted.roots.map(folder) },
    },
    ssh: sshSettings(values.ssh, folder),
    s3: s3Settings(values.s3, folder),
    rooms: roomsSettings(values.rooms, { folder, firstLine }),
  };
}

/** What of the settings holds for a command that moves files by itself. */
export interface MovingLimits {
  readonly slots: {
    readonly global: number;
    readonly perEndpoint: number;
    readonly endpoints: Readonly<Record<string, number>>;
  };
  readonly bandwidth: string | null;
  readonly stallSeconds: number;
  /** How places elsewhere are reached. */
  readonly places: { readonly ssh: SshConfig; readonly s3: S3Config };
}

/** Like `loadSettings`; where there is neither a configuration nor a variable, at no cost. */
export async function loadLimits(flags: SettingFlags = {}, env: Environment = process.env): Promise<MovingLimits> {
  const isPlain = findConfigFile(flags.config, env) === null && !env.WHERRY_BANDWIDTH && !env.WHERRY_TRANSFERS;
  if (isPlain) {
    const { transfers, perEndpoint, stallSeconds } = defaultLimits;
    return {
      slots: { global: transfers, perEndpoint, endpoints: {} },
      bandwidth: null,
      stallSeconds,
      places: { ssh: { hosts: {} }, s3: { buckets: {} } },
    };
  }
  const { limits, bandwidth, stallMs, ssh, s3 } = await loadSettings(flags, env);
  const { transfers, perEndpoint, endpoints } = limits;
  return {
    slots: { global: transfers, perEndpoint, endpoints },
    bandwidth,
    stallSeconds: stallMs / 1000,
    places: { ssh, s3 },
  };
}

/** What `wherry config check` says: one line a problem. Rejects like `loadSettings` where the file cannot be read. */
export async function checkConfig(
  file: string,
): Promise<{ readonly problems: readonly string[]; readonly values: unknown }> {
  const { problems, values } = await readConfigFile(file);
  return { problems: problems.map((problem) => problemLine(file, problem)), values };
}

async function readConfigFile(file: string) {
  const { readConfigText } = await import('./config-problems.ts');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'EACCES' || code === 'EPERM' ? 'permission' : code === 'ENOENT' ? 'not_found' : 'io';
    throw new Fault(why, `The configuration ${displayPath(file)} cannot be read (${String(code)}).`, { cause: error });
  }
  return readConfigText(text);
}

function problemLine(
  file: string,
  { line, column, message }: { line: number; column: number; message: string },
): string {
  return `${displayPath(file)}:${line}:${column}: ${message}`;
}

/** Files that are named are files of this machine, from the configuration's folder on. */
function s3Settings({ buckets, ...all }: S3Config, folder: (text: string) => string): S3Config {
  const whole = (store: S3Settings): S3Settings =>
    store.credentialsFile === undefined ? store : { ...store, credentialsFile: folder(store.credentialsFile) };
  return {
    ...whole(all),
    buckets: Object.fromEntries(Object.entries(buckets).map(([name, store]) => [name, whole(store)])),
  };
}

function sshSettings({ hosts }: SshConfig, folder: (text: string) => string): SshConfig {
  const named = Object.entries(hosts).map(([name, host]) => [name, { ...host, ...sshFiles(host, folder) }]);
  return { hosts: Object.fromEntries(named) };
}

function sshFiles({ identityFile, passwordFile, knownHosts }: SshHostConfig, folder: (text: string) => string) {
  return {
    ...(identityFile === undefined ? {} : { identityFile: folder(identityFile) }),
    ...(passwordFile === undefined ? {} : { passwordFile: folder(passwordFile) }),
    ...(knownHosts === undefined ? {} : { knownHosts: folder(knownHosts) }),
  };
}

function presetSettings(presets: Readonly<Record<string, SyncPreset>>, folder: (text: string) => string) {
  const whole = (preset: SyncPreset): SyncPreset => ({
    ...preset,
    ...sshFiles(preset, folder),
    ...(preset.destination === undefined ? {} : { destination: folder(preset.destination) }),
  });
  return Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, whole(preset)]));
}

function watchRequest(
  { destination, destinations, ...rest }: WatchConfig,
  folder: (text: string) => string,
): WatchRequest & { destinations: string[] } {
  const place = placeIn(folder);
  return {
    kind: 'watch',
    ...rest,
    source: place(rest.source),
    destinations: (destinations ?? [destination ?? '']).map(place),
    moveTo: rest.moveTo === null ? null : place(rest.moveTo),
  };
}

function syncRequest(
  { destination, destinations, ...rest }: SyncConfig,
  folder: (text: string) => string,
): SyncDefinitionRequest & { destinations: string[] } {
  const place = placeIn(folder);
  return { ...rest, source: place(rest.source), destinations: (destinations ?? [destination ?? '']).map(place) };
}

/** Addresses stay as they are. */
function placeIn(folder: (text: string) => string): (text: string) => string {
  return (text) => (/^[a-z][a-z0-9+.-]*:\/\//.test(text) ? text : folder(text));
}

function offloadSettings({ offload }: ConfigValues, folder: (text: string) => string): OffloadConfig {
  const place = (text: string | null) => (text === null ? null : folder(text));
  return {
    ...offload,
    rules: offload.rules.map((rule) => ({
      ...rule,
      downloadDir: place(rule.downloadDir),
      processedDir: place(rule.processedDir),
    })),
  };
}

/** The folder within which all lie that a pattern names. */
function fixedPart(pattern: string | null): string | null {
  if (pattern === null) return null;
  return pattern.includes('{') ? dirname(pattern.slice(0, pattern.indexOf('{') + 1)) : pattern;
}

async function webhookSettings(
  { webhooks }: ConfigValues,
  folder: (text: string) => string,
): Promise<readonly WebhookSettings[]> {
  if (webhooks.length === 0) return [];
  const { secretKey, webhookUrl } = await import('./sinks/webhook.ts');
  return webhooks.map(({ secretFile, ...rest }) => {
    const secret = firstLine(folder(secretFile), 'The secret file');
    try {
      webhookUrl(rest.url);
      secretKey(secret);
    } catch (error) {
      const { message } = error as Error;
      throw new Fault('config_invalid', `The webhook ${displayPath(rest.name)}: ${message}`, { cause: error });
    }
    return { ...rest, secret };
  });
}

async function adminToken(env: Environment, fromConfig: string | undefined): Promise<string | null> {
  if (env.WHERRY_TOKEN) return env.WHERRY_TOKEN;
  const file = env.WHERRY_TOKEN_FILE || fromConfig;
  if (!file) return null;
  return firstLine(file, 'The token file');
}

function firstLine(file: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Fault('config_invalid', `${what} ${displayPath(file)} cannot be read.`, { cause: error });
  }
  const line = text.split('\n')[0]?.trim() ?? '';
  if (line === '') throw new Fault('config_invalid', `${what} ${displayPath(file)} is empty.`);
  return line;
}

async function checkBandwidth(text: string): Promise<void> {
  const { parseBandwidth } = await import('./engine/bandwidth-plan.ts');
  parseBandwidth(text);
}

function isYes(env: Environment, name: string): boolean {
  const text = (env[name] ?? '').toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(text)) return true;
  if (['0', 'false', 'no', 'off'].includes(text)) return false;
  throw new Fault('invalid', `${name} is "${displayPath(text)}"; write true or false.`);
}

function wholeNumber(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 64) {
    throw new Fault('invalid', `${name} is "${displayPath(text)}"; write a whole number from 1 to 64.`);
  }
  return number;
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

function logLevel(text: string | undefined): (typeof logLevels)[number] | undefined {
  const level = logLevels.find((one) => one === text?.toLowerCase());
  if (text !== undefined && level === undefined) {
    throw new Fault('invalid', `WHERRY_LOG_LEVEL is "${displayPath(text)}"; write ${logLevels.join(', ')}.`);
  }
  return level;
}
