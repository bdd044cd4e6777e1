// The control of the ledger's rows: copies a tree and keeps a list of what is done in one JSON file that is written anew each time.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [state = '', source = '', destination = ''] = process.argv.slice(2);
const done: string[] = existsSync(state) ? (JSON.parse(readFileSync(state, 'utf8')) as string[]) : [];

for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name).slice(source.length);
  if (done.includes(path)) continue;
  mkdirSync(dirname(join(destination, path)), { recursive: true });
  copyFileSync(join(source, path), join(destination, path));
  done.push(path);
  writeFileSync(state, JSON.stringify(done));
}
