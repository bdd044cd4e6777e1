// Sizes, speeds, counts and shares in people's units, in a form whose width hardly changes while a number runs.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `0 B`, `412 kB`, `9.31 GB`: three significant digits, powers of 1000. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** For hovering over a size: every byte of it. */
export function exactSize(bytes: number): string {
  return `${whole.format(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

export function speed(bytesPerSecond: number): string {
  return `${size(bytesPerSecond)}/s`;
}

export function count(value: number): string {
  return whole.format(value);
}

/** `1 file`, `2,000 files`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A share of 1; undefined while the whole is not known. An empty file is whole only when it is done. */
export function share(done: number, whole_: number | null, finished: boolean): number | undefined {
  if (finished) return 1;
  if (whole_ === null) return undefined;
  if (whole_ === 0) return 0;
  return Math.min(1, done / whole_);
}

/** Never says 100 % before it is so. */
export function perCent(part: number): string {
  return `${part >= 1 ? 100 : Math.min(99, Math.floor(part * 100))} %`;
}
