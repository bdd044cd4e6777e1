// The form of a sync: from what the daemon tells of one to fields, and from fields to what is asked.

import type { RouteInput } from '../../../src/api/client.ts';
import type { SyncDefinitionBody } from '../../../src/model/sync-spec.ts';
import type { SyncView } from '../../../src/model/sync-views.ts';
import type { PlaceInput } from '../../pickers/picked-path.ts';
import { exactPlace, noPlace } from '../../pickers/picked-path.ts';
import { dailyCron, dailyTime } from '../../words/schedules.ts';

export type SyncBody = RouteInput<'createSync'>['body'];

export type Rhythm = 'never' | 'minutes' | 'daily' | 'cron';
export type Media = SyncDefinitionBody['media'];

export interface SyncForm {
  readonly name: string;
  readonly source: PlaceInput;
  readonly destinations: readonly PlaceInput[];
  /** One a line: a name, or `from -> to`. */
  readonly folders: string;
  readonly rhythm: Rhythm;
  readonly minutes: string;
  readonly time: string;
  readonly cron: string;
  readonly timezone: string;
  readonly enabled: boolean;
  readonly include: string;
  readonly exclude: string;
  readonly delete: boolean;
  readonly maxDelete: string;
  readonly detectRenames: boolean;
  readonly checksum: boolean;
  readonly conflict: SyncDefinitionBody['conflict'];
  readonly transport: SyncDefinitionBody['transport'];
  readonly parallel: string;
  readonly bandwidth: string;
  readonly media: Media;
  readonly cleans: boolean;
  readonly ageHours: string;
  readonly preserve: string;
  /** What else was asked for and has no field; sent back as it is. */
  readonly rest: Readonly<Record<string, unknown>>;
}

const noMedia: Media = {
  hashes: false,
  metadata: false,
  xmp: false,
  overwriteXmp: false,
  thumbnails: false,
  dedup: 'off',
};

export const emptyForm: SyncForm = {
  name: '',
  source: noPlace,
  destinations: [noPlace],
  folders: '',
  rhythm: 'minutes',
  minutes: '5',
  time: '02:00',
  cron: '',
  timezone: '',
  enabled: true,
  include: '',
  exclude: '',
  delete: false,
  maxDelete: '',
  detectRenames: true,
  checksum: false,
  conflict: 'overwrite',
  transport: 'auto',
  parallel: '3',
  bandwidth: '',
  media: noMedia,
  cleans: false,
  ageHours: '24',
  preserve: '',
  rest: {},
};

/** As it was asked for, every default filled in. */
export function wishesOf({ spec }: SyncView): SyncDefinitionBody {
  return spec as unknown as SyncDefinitionBody;
}

export function formFrom(sync: SyncView): SyncForm {
  const { name, schedule, enabled, source, destinations, folders, include, exclude, ...others } = wishesOf(sync);
  const { delete: deletes, maxDelete, detectRenames, checksum, conflict, transport, ...more } = others;
  const { parallel, bandwidth, media, cleanup, ...rest } = more;
  return {
    ...emptyForm,
    ...fieldsOf(schedule),
    ...{ name, enabled, detectRenames, checksum, conflict, transport, media, rest },
    source: { text: source },
    destinations: destinations.map((text) => ({ text })),
    folders: folders.map((each) => (typeof each === 'string' ? each : pairText(each))).join('\n'),
    include: include.join('\n'),
    exclude: exclude.join('\n'),
    delete: deletes,
    maxDelete: maxDelete === null ? '' : String(maxDelete),
    parallel: String(parallel),
    bandwidth: bandwidth === null ? '' : String(bandwidth),
    cleans: cleanup !== null,
    ageHours: String(cleanup?.ageHours ?? 24),
    preserve: (cleanup?.preservePatterns ?? []).join('\n'),
  };
}

export function bodyFrom(form: SyncForm): SyncBody {
  const text = (value: string) => (value.trim() === '' ? null : value.trim());
  return {
    ...form.rest,
    name: form.name.trim(),
    source: exactPlace(form.source),
    destinations: form.destinations.map(exactPlace).filter((address) => address !== ''),
    folders: linesOf(form.folders).map(folderOf),
    schedule: scheduleOf(form),
    enabled: form.enabled,
    include: linesOf(form.include),
    exclude: linesOf(form.exclude),
    delete: form.delete,
    maxDelete: form.delete ? boundOf(form.maxDelete) : null,
    detectRenames: form.detectRenames,
    checksum: form.checksum,
    conflict: form.conflict,
    transport: form.transport,
    parallel: Number(form.parallel),
    bandwidth: text(form.bandwidth),
    media: form.media,
    cleanup: form.cleans
      ? { ageHours: Number(form.ageHours), preservePatterns: linesOf(form.preserve), dryRun: false }
      : null,
  };
}

/** Null: only when somebody starts it. */
export function scheduleOf({ rhythm, minutes, time, cron, timezone }: SyncForm): SyncView['schedule'] {
  switch (rhythm) {
    case 'minutes':
      return { everyMinutes: Number(minutes) };
    case 'daily':
      return { cron: dailyCron(time) ?? '', timezone: null };
    case 'cron':
      return { cron: cron.trim(), timezone: timezone.trim() === '' ? null : timezone.trim() };
    default:
      return null;
  }
}

/** Why it cannot be sent yet; undefined where it can. */
export function stillMissing(form: SyncForm): string | undefined {
  if (form.source.text.trim() === '') return 'Choose where the files come from.';
  if (form.destinations.every(({ text }) => text.trim() === '')) return 'Choose where they go.';
  if (form.rhythm === 'minutes' && !(Number(form.minutes) > 0)) return 'Say after how many minutes.';
  if (form.rhythm === 'daily' && dailyCron(form.time) === undefined) return 'Say at what time, such as 02:00.';
  if (form.rhythm === 'cron' && form.cron.trim() === '') return 'Say when, such as 0 9 * * 1-5.';
  if (form.name.trim() === '') return 'Give it a name.';
  return undefined;
}

function fieldsOf(schedule: SyncView['schedule']): Partial<SyncForm> {
  if (schedule === null) return { rhythm: 'never' };
  if ('everyMinutes' in schedule) return { rhythm: 'minutes', minutes: String(schedule.everyMinutes) };
  const time = dailyTime(schedule);
  if (time !== undefined) return { rhythm: 'daily', time };
  return { rhythm: 'cron', cron: schedule.cron, timezone: schedule.timezone ?? '' };
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function folderOf(line: string): string | { from: string; to: string } {
  const [from = '', ...to] = line.split('->').map((part) => part.trim());
  return to.length === 0 ? from : { from, to: to.join('->') };
}

function pairText({ from, to }: { readonly from: string; readonly to: string }): string {
  return from === to ? from : `${from} -> ${to}`;
}

function boundOf(text: string): number | string | null {
  const typed = text.replace(/\s/g, '');
  return typed === '' ? null : /^[0-9]+$/.test(typed) ? Number(typed) : typed;
}
