// The ledger on SQLite passes the store suite.

import { storeSuite } from '../support/store-suite.ts';

storeSuite('the ledger on SQLite', new URL('../support/sqlite-opener.ts', import.meta.url));
// The ids of threads differ only in who answers: a suite asks more than is answered here, so the ledger moves in the middle of it.
storeSuite(
  'the ledger in the calling thread, then in its own',
  new URL('../support/sqlite-here-opener.ts', import.meta.url),
);
