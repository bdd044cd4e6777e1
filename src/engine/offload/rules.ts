// Auto-offload: what is to be taken from which device as soon as it comes, without anybody asking.

import type { DeviceInfo, RemoteFile } from '../../devices/device.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { OffloadRule } from '../../model/offload-rules.ts';
import type { OffloadRequest } from '../../model/specs.ts';
import type { Change, StoreReader } from '../../store/store.ts';
import type { EngineLog } from '../engine-parts.ts';
import { compileGlob } from '../glob.ts';
import { meantFiles } from './device-files.ts';
import { type Devices, findDevice } from './devices.ts';
import { fileKey, takenFrom } from './taken.ts';

const collection = 'offload.newest';

export interface RuleParts {
  readonly devices: Devices;
  readonly rules: () => readonly OffloadRule[];
  readonly reader: StoreReader;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
  readonly submit: (request: OffloadRequest) => Promise<unknown>;
  readonly now: () => number;
  readonly log: EngineLog;
}

export interface Rules {
  /** Carries out what fits the device. One at a time for each device; never rejects. */
  run(deviceId: string, signal: AbortSignal): Promise<void>;
}

export function createRules(parts: RuleParts): Rules {
  const { devices, reader, log } = parts;
  const under = new Map<string, Promise<void>>();
  const again = new Set<string>();

  const runRule = async (rule: OffloadRule, info: DeviceInfo, signal: AbortSignal) => {
    const { include, exclude } = rule;
    const { files } = await meantFiles({ device: info.id, files: 'all', include, exclude }, devices, { signal });
    const key = `${rule.name}\n${info.id}`;
    const newest = rule.newerThanLastTime ? Number((await reader.document(collection, key)) ?? Number.NaN) : Number.NaN;
    const taken = await takenFrom(reader, info.id);
    // A time that nobody knows tells nothing: what has been taken does.
    const isNew = ({ mtime }: RemoteFile) => Number.isNaN(newest) || mtime === undefined || mtime > newest;
    const fresh = files.filter((file) => !taken.has(fileKey(file)) && isNew(file));
    if (fresh.length === 0) return;
    await parts.submit(requestOf(rule, info, fresh, parts.now()));
    const latest = fresh.reduce((most, { mtime = Number.NEGATIVE_INFINITY }) => Math.max(most, mtime), newest || 0);
    await parts.write([{ kind: 'put_document', collection, key, value: latest }]);
    log.info({ device: info.id, rule: rule.name, files: fresh.length }, 'An auto-offload rule has taken files');
  };

  const runAll = async (deviceId: string, signal: AbortSignal) => {
    for (const rule of parts.rules()) {
      const device = findDevice(devices, deviceId);
      if (device?.connected !== true || signal.aborted) return;
      if (!isForDevice(rule, device.info)) continue;
      try {
        await runRule(rule, device.info, signal);
      } catch (error) {
        const { code, message } = asFault(error);
        // It comes again.
        if (code === 'device' || signal.aborted) return;
        log.warn(
          { device: deviceId, rule: rule.name, code },
          `An auto-offload rule could not be carried out: ${message}`,
        );
      }
    }
  };

  return {
    run: (deviceId, signal) => {
      const running = under.get(deviceId);
      if (running !== undefined) {
        again.add(deviceId);
        return running;
      }
      const run = (async () => {
        do {
          again.delete(deviceId);
          await runAll(deviceId, signal);
        } while (again.has(deviceId) && !signal.aborted);
      })().finally(() => under.delete(deviceId));
      under.set(deviceId, run);
      return run;
    },
  };
}

/** Whether a rule is of that device. Pure. */
export function isForDevice({ device, kind }: OffloadRule, info: DeviceInfo): boolean {
  return (kind === undefined || kind === info.kind) && (device === undefined || compileGlob(device)(info.id));
}

function requestOf(rule: OffloadRule, info: DeviceInfo, files: readonly RemoteFile[], now: number): OffloadRequest {
  const filled = (pattern: string) => fillPattern(pattern, info, now);
  return {
    kind: 'offload',
    device: info.id,
    files: files.map(({ path, size, mtime }) => ({ path, size, ...(mtime === undefined ? {} : { mtime }) })),
    downloadDir: rule.downloadDir === null ? null : filled(rule.downloadDir),
    processedDir: rule.processedDir === null ? null : filled(rule.processedDir),
    associateWith: rule.associateWith === null ? null : filled(rule.associateWith),
    deleteAfterCopies: rule.deleteAfterCopies,
    pipeline: rule.pipeline,
    ascMhl: rule.ascMhl,
    priority: rule.priority,
  };
}

const known = ['device', 'name', 'kind', 'date', 'YYYY', 'MM', 'DD'] as const;

/** `{device}` `{name}` `{kind}` `{date}` (YYYY-MM-DD) `{YYYY}` `{MM}` `{DD}` of the moment. Throws `config_invalid` for others. */
export function fillPattern(pattern: string, info: DeviceInfo, now: number): string {
  const at = new Date(now);
  const two = (number: number) => String(number).padStart(2, '0');
  const [year, month, day] = [String(at.getFullYear()), two(at.getMonth() + 1), two(at.getDate())];
  // A name given by a person must not lead elsewhere.
  const part = (text: string) => displayPath(text).replaceAll('/', '_').replace(/^\.+/, '_');
  const values: Readonly<Record<(typeof known)[number], string>> = {
    ...{ device: part(info.id), name: part(info.name), kind: part(info.kind) },
    ...{ date: `${year}-${month}-${day}`, YYYY: year, MM: month, DD: day },
  };
  return pattern.replace(/\{(\w+)\}/g, (_, word: string) => {
    const value = values[word as keyof typeof values];
    if (value !== undefined) return value;
    const words = known.map((one) => `{${one}}`).join(' ');
    throw new Fault('config_invalid', `The pattern ${displayPath(pattern)} speaks of {${word}}. Known are ${words}.`);
  });
}
