// The control of the copy rows: copies a tree as a careless program does, straight under the final names unless told otherwise.
// --careless: errors are swallowed. --sync: synced, and once more where that failed. --aside: under another name first.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { careless: { type: 'boolean' }, sync: { type: 'boolean' }, aside: { type: 'boolean' } },
  allowPositionals: true,
});
const [source = '', destination = ''] = positionals;
const buffer = Buffer.allocUnsafe(256 * 1024);

function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (values.careless !== true) throw error;
    return undefined;
  }
}

function sync(file: number): void {
  try {
    fsyncSync(file);
  } catch {
    fsyncSync(file);
  }
}

for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(destination, from.slice(source.length));
  if (existsSync(to)) continue;
  const name = values.aside === true ? `${to}.new` : to;
  attempt(() => mkdirSync(dirname(to), { recursive: true }));
  const input = attempt(() => openSync(from, 'r'));
  const output = attempt(() => openSync(name, 'w'));
  if (input === undefined || output === undefined) continue;
  const read = (): number => attempt(() => readSync(input, buffer)) ?? 0;
  for (let got = read(); got > 0; got = read()) attempt(() => writeSync(output, buffer, 0, got));
  if (values.sync === true) attempt(() => sync(output));
  attempt(() => closeSync(input));
  attempt(() => closeSync(output));
  attempt(() => {
    const { atime, mtime } = statSync(from);
    utimesSync(name, atime, mtime);
  });
  if (values.aside === true) {
    attempt(() => {
      if (existsSync(to)) rmSync(to);
      renameSync(name, to);
    });
  }
}
