// `/metrics` by the rules of the Prometheus text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const suffixes = /_(?:bucket|sum|count)$/;

/** Throws with what is against the rules. */
function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (!metricName.test(name)) throw new Error(`${name} is no name`);
      if (kind === 'HELP') {
        if (helps.has(name)) throw new Error(`${name} has two HELP lines`);
        helps.set(name, rest);
      } else {
        if (families.has(name)) throw new Error(`${name} has two TYPE lines, or its lines are not together`);
        if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest))
          throw new Error(`no type: ${rest}`);
        families.set(name, { type: rest, help: helps.get(name) ?? '', samples: [] });
        current = name;
      }
      continue;
    }
    if (line.startsWith('#')) continue;
    const sample = readSample(line);
    const family = families.get(current);
    const own =
      sample.name === current || (sample.name.replace(suffixes, '') === current && family?.type === 'histogram');
    if (family === undefined || !own) throw new Error(`${sample.name} stands outside its family`);
    if (family.samples.some((one) => one.name === sample.name && sameLabels(one, sample))) {
      throw new Error(`${line} stands twice`);
    }
    family.samples.push(sample);
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function readSample(line: string): Sample {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/.exec(line);
  const [, name = '', inside = '', number = ''] = match ?? [];
  if (match === null || !metricName.test(name)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  labelPattern.lastIndex = 0;
  while (labelPattern.lastIndex < inside.length) {
    const label = labelPattern.exec(inside);
    if (label === null) throw new Error(`no label: ${line}`);
    const [, key = '', value = ''] = label;
    if (key in labels) throw new Error(`a label twice: ${line}`);
    labels[key] = value.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
  }
  const value = number === '+Inf' ? Infinity : number === '-Inf' ? -Infinity : Number(number);
  // As Go's ParseFloat reads it, in any case.
  if (Number.isNaN(value) && number.toLowerCase() !== 'nan') throw new Error(`no number: ${line}`);
  return { name, labels, value };
}

function sameLabels(a: Sample, b: Sample): boolean {
  const keys = Object.keys(a.labels);
  return keys.length === Object.keys(b.labels).length && keys.every((key) => a.labels[key] === b.labels[key]);
}

function checkFamily(name: string, { type, help, samples }: Family): void {
  if (help === '') throw new Error(`${name} has no HELP`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name} is a counter without _total`);
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} counts below nothing`);
  if (type !== 'histogram') return;
  const series = Map.groupBy(samples, ({ labels: { le: _le, ...rest } }) => JSON.stringify(rest));
  for (const [labels, rows] of series) {
    const buckets = rows.filter((row) => row.name === `${name}_bucket`);
    const count = rows.find((row) => row.name === `${name}_count`)?.value;
    if (rows.every((row) => row.name !== `${name}_sum`)) throw new Error(`${name}${labels} has no sum`);
    if (buckets.at(-1)?.labels.le !== '+Inf' || buckets.at(-1)?.value !== count) {
      throw new Error(`${name}${labels}: its last bucket is not +Inf, or not its count`);
    }
    buckets.forEach((bucket, at) => {
      if (bucket.value < (buckets[at - 1]?.value ?? 0))
        throw new Error(`${name}${labels}: a bucket holds less than one before`);
    });
  }
}

async function metrics(): Promise<Map<string, Family>> {
  const answer = await rig.ask('/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(await answer.text());
}

describe('the reader of these tests refuses', () => {
  const gauge = '# HELP a b\n# TYPE a gauge\n';
  test.each([
    ['a text without an end', '# HELP a b\n# TYPE a gauge\na 1'],
    ['a sample without a family', 'a 1\n'],
    ['a quote in a label', `${gauge}a{b="c"d"} 1\n`],
    ['a line break in a label', `${gauge}a{b="c\nd"} 1\n`],
    ['a series that stands twice', `${gauge}a{b="c"} 1\na{b="c"} 2\n`],
    ['a family torn apart', `${gauge}a 1\n# HELP c d\n# TYPE c gauge\nc 1\na{x="y"} 1\n`],
    ['a counter without _total', '# HELP a b\n# TYPE a counter\na 1\n'],
    ['a histogram without +Inf', '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
    ['words for a number', `${gauge}a many\n`],
  ])('%s', (_, text) => {
    expect(() => parseMetrics(text)).toThrow();
  });
});

test('every family is named wherry_*, has a help and a type, and follows the rules of its type', async () => {
  await rig.ask('/api/v1/overview');
  await rig.ask('/api/v1/jobs/nobody');
  const families = await metrics();
  for (const name of families.keys()) expect(name).toMatch(/^wherry_[a-z][a-z0-9_]*$/);
  expect(families.get('wherry_build_info')?.samples).toEqual([
    { name: 'wherry_build_info', labels: { version: '0.0.0-test' }, value: 1 },
  ]);
  const answered = families.get('wherry_http_request_seconds')?.samples ?? [];
  const counts = answered.filter(({ name }) => name.endsWith('_count')).map(({ labels }) => labels);
  // The route's name, not the address: an id in a label would make a series of its own for each transfer.
  expect(counts).toContainEqual({ route: 'getJob', method: 'GET', status: '404' });
});

test('what is in the ledger and what moves is told as it is', async () => {
  rig.engine.setBandwidth('2M');
  const { id } = await rig.engine.submit(rig.newCopy(64 * 1024 * 1024));
  try {
    for (;;) {
      const families = await metrics();
      const one = (name: string) => families.get(name)?.samples[0]?.value;
      const rates = families.get('wherry_endpoint_bytes_per_second')?.samples ?? [];
      if (one('wherry_active_transfers') !== 1 || rates.every(({ value }) => value === 0)) continue;
      expect(one('wherry_bandwidth_limit_bytes_per_second')).toBe(rig.engine.snapshot().bandwidthLimit.bytesPerSecond);
      const states = families.get('wherry_transfers')?.samples ?? [];
      expect(states.find(({ labels }) => labels.state === 'transferring')?.value).toBe(1);
      break;
    }
  } finally {
    await rig.engine.cancel({ jobId: id });
    rig.engine.setBandwidth(null);
  }
});
