// Sizes as people write them: bytes, or a number with a unit.

import { Fault } from './fault.ts';

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes of `16MB`, `16MiB`, `1.5 GB` or `4096`. Rejects with `invalid`. */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  const factor = units[match?.[2] ?? '?'];
  const bytes = Math.round(Number(match?.[1]) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new Fault(
      'invalid',
      `"${text}" is not a size. Write bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB.`,
    );
  }
  return bytes;
}

/** `1.5 GB`, `340 kB`, `12 bytes`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} ${Math.round(bytes) === 1 ? 'byte' : 'bytes'}`;
  const names = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes / 1000;
  let step = 0;
  // 999.5 and more would be shown as 1000.
  while (value >= 999.5 && step < names.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${names[step]}`;
}
