// The ledger on SQLite passes the store suite.

import { storeSuite } from '../support/store-suite.ts';

storeSuite('the ledger on SQLite', new URL('../support/sqlite-opener.ts', import.meta.url));
