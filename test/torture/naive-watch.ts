// The control of the watch rows: copies whatever it finds, at once and straight under the final name, as a careless loop does.
// --mirror: what is not listed is removed. --stable SECONDS: waits until a file is so old by the clock of the wall.

import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { mirror: { type: 'boolean' }, stable: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const [source = '', destination = ''] = positionals;
const stableMs = Number(values.stable) * 1000;

for (;;) {
  try {
    const names = readdirSync(source);
    for (const name of names) {
      const isOld = stableMs === 0 || Date.now() - statSync(join(source, name)).mtimeMs >= stableMs;
      if (isOld && !existsSync(join(destination, name))) copyFileSync(join(source, name), join(destination, name));
    }
    if (values.mirror === true)
      for (const name of readdirSync(destination)) if (!names.includes(name)) rmSync(join(destination, name));
  } catch {
    // A careless loop goes on whatever happens.
  }
  await after(200);
}
