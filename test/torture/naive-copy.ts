// The control of the kill rows: copies a tree as a careless program does, straight under the final names.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const [source = '', destination = ''] = process.argv.slice(2);
const buffer = Buffer.allocUnsafe(256 * 1024);

for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(destination, from.slice(source.length));
  if (existsSync(to)) continue;
  mkdirSync(dirname(to), { recursive: true });
  const input = openSync(from, 'r');
  const output = openSync(to, 'w');
  for (let got = readSync(input, buffer); got > 0; got = readSync(input, buffer)) writeSync(output, buffer, 0, got);
  closeSync(input);
  closeSync(output);
  const { atime, mtime } = statSync(from);
  utimesSync(to, atime, mtime);
}
