// A process that writes to a ledger and says what is acknowledged, until it is killed: `node store-writer.ts OPENER FOLDER MODE`.

import { writeSync } from 'node:fs';
import type { Store } from '../../src/store/store.ts';
import { arrivedTransfer, insertion, makeTransfer, pack } from './store-values.ts';

/** A module that exports this opens a ledger for the store suite and for its child processes. */
export interface StoreOpener {
  open(folder: string): Promise<Store>;
}

const [opener = '', folder = '', mode = ''] = process.argv.slice(2);
const { open } = (await import(opener)) as StoreOpener;
const store = await open(folder);
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};
say('open');

for (let round = 0; ; round++) {
  const alone = Array.from({ length: 4 }, () => makeTransfer({ state: 'queued' }));
  const together = Array.from({ length: 20 }, (_, index) => arrivedTransfer(`pack-${round}/${index}`));
  const changes = [...alone.map((transfer) => [insertion(transfer)]), [pack(together)]];
  const acknowledge = (): void => say(`has ${[...alone, ...together].map(({ id }) => id).join(' ')}`);
  const done = changes.map((change) => store.apply(change));
  if (mode === 'early') {
    // What the check must catch: it is said to be there before the commit.
    acknowledge();
    if (round % 500 === 499) await Promise.all(done);
  } else {
    await Promise.all(done);
    acknowledge();
  }
}
