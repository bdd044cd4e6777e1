// The form of a watch: from what the daemon tells of one to fields, and from fields to what is asked.

import type { RouteInput } from '../../../src/api/client.ts';
import type { WatchView } from '../../../src/model/watch-views.ts';
import type { PlaceInput } from '../../pickers/picked-path.ts';
import { exactPlace, noPlace } from '../../pickers/picked-path.ts';

export interface RuleField {
  readonly key: number;
  readonly kind: 'match' | 'regex';
  readonly pattern: string;
  readonly to: string;
}

export interface WatchForm {
  readonly source: PlaceInput;
  readonly destinations: readonly PlaceInput[];
  readonly after: 'delete' | 'keep' | 'move-to';
  readonly moveTo: PlaceInput;
  readonly stableSeconds: string;
  readonly scanSeconds: string;
  readonly growing: {
    readonly minSize: number;
    readonly safetyMargin: number;
    readonly idleSeconds: number;
    readonly readable: boolean;
  };
  /** Globs, one a line. */
  readonly include: string;
  readonly exclude: string;
  readonly rules: readonly RuleField[];
  readonly doneMarker: string;
  readonly bundle: boolean;
  readonly conflict: 'rename' | 'skip' | 'overwrite' | 'newer' | 'fail';
  readonly bandwidth: string;
  /** What else was asked for and has no field; sent back as it is. */
  readonly rest: Readonly<Record<string, unknown>>;
}

export type WatchBody = RouteInput<'createWatch'>['body'];

const growingDefaults = { minSize: 50_000_000, safetyMargin: 16_000_000, idleSeconds: 30, readable: false };

export const emptyForm: WatchForm = {
  source: noPlace,
  destinations: [noPlace],
  after: 'delete',
  moveTo: noPlace,
  stableSeconds: '30',
  scanSeconds: '10',
  growing: growingDefaults,
  include: '',
  exclude: '',
  rules: [],
  doneMarker: '',
  bundle: false,
  conflict: 'rename',
  bandwidth: '',
  rest: {},
};

export function formFrom(watch: WatchView): WatchForm {
  const { source, destinations, after, moveTo, stableSeconds, scanSeconds, growing, include, exclude, ...others } =
    watch.spec;
  const { rules, doneMarker, bundle, conflict, bandwidth, ...rest } = others;
  return {
    source: { text: textOf(source, watch.source) },
    destinations: Array.isArray(destinations) ? destinations.map((each) => ({ text: String(each) })) : [noPlace],
    after: after === 'delete' || after === 'move-to' ? after : 'keep',
    moveTo: { text: textOf(moveTo, '') },
    stableSeconds: String(stableSeconds ?? 30),
    scanSeconds: String(scanSeconds ?? 10),
    growing: { ...growingDefaults, ...(growing as object) },
    include: linesOf(include),
    exclude: linesOf(exclude),
    rules: Array.isArray(rules) ? rules.map(ruleField) : [],
    doneMarker: textOf(doneMarker, ''),
    bundle: bundle === 'folder',
    conflict: conflictOf(conflict),
    bandwidth: textOf(bandwidth, ''),
    rest,
  };
}

export function bodyFrom(form: WatchForm): WatchBody {
  return {
    ...form.rest,
    source: exactPlace(form.source),
    destinations: form.destinations.map(exactPlace).filter((path) => path !== ''),
    after: form.after,
    moveTo: form.after === 'move-to' ? exactPlace(form.moveTo) : null,
    stableSeconds: Number(form.stableSeconds),
    scanSeconds: Number(form.scanSeconds),
    growing: form.growing,
    include: globsOf(form.include),
    exclude: globsOf(form.exclude),
    rules: rulesOf(form.rules),
    doneMarker: form.doneMarker.trim() === '' ? null : form.doneMarker.trim(),
    bundle: form.bundle ? 'folder' : null,
    conflict: form.conflict,
    bandwidth: form.bandwidth.trim() === '' ? null : form.bandwidth.trim(),
  };
}

/** Why it cannot be sent yet; undefined where it can. */
export function stillMissing(form: WatchForm): string | undefined {
  if (form.source.text.trim() === '') return 'Choose the folder to watch.';
  if (form.destinations.every(({ text }) => text.trim() === '')) return 'Choose where its files go.';
  if (form.after === 'move-to' && form.moveTo.text.trim() === '') return 'Choose where the source is moved to.';
  return undefined;
}

export function rulesOf(rules: readonly RuleField[]): { match?: string; regex?: string; to: string }[] {
  return rules
    .filter(({ pattern, to }) => pattern.trim() !== '' && to.trim() !== '')
    .map(({ kind, pattern, to }) => ({ [kind]: pattern, to }));
}

export function globsOf(lines: string): string[] {
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

let lastKey = 0;

export function newRule(): RuleField {
  lastKey += 1;
  return { key: lastKey, kind: 'match', pattern: '', to: '' };
}

function ruleField(rule: unknown): RuleField {
  const { match, regex, to } = rule as { match?: string; regex?: string; to?: string };
  const kind = regex === undefined ? 'match' : 'regex';
  return { ...newRule(), kind, pattern: match ?? regex ?? '', to: to ?? '' };
}

function conflictOf(value: unknown): WatchForm['conflict'] {
  return value === 'skip' || value === 'overwrite' || value === 'newer' || value === 'fail' ? value : 'rename';
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function linesOf(value: unknown): string {
  return Array.isArray(value) ? value.join('\n') : '';
}
