// The control of the watch rows: copies whatever it finds, at once and straight under the final name, as a careless loop does.

import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

const [source = '', destination = ''] = process.argv.slice(2);

for (;;) {
  for (const name of readdirSync(source)) {
    try {
      if (!existsSync(join(destination, name))) copyFileSync(join(source, name), join(destination, name));
    } catch {
      // A careless loop goes on whatever happens.
    }
  }
  await after(200);
}
