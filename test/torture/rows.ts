// The rows of the torture table that this project carries.

import type { Row } from './row.ts';
import { bitFlip } from './rows/bit-flip.ts';
import { clockJumps } from './rows/clock-jumps.ts';
import { closeError } from './rows/close-error.ts';
import { cutListing } from './rows/cut-listing.ts';
import { everyErrno } from './rows/every-errno.ts';
import { generatedRequests } from './rows/generated-requests.ts';
import { hostileNamesRow } from './rows/hostile-names.ts';
import { hungShare } from './rows/hung-share.ts';
import { killAtCall } from './rows/kill-at-call.ts';
import { killCopy } from './rows/kill-copy.ts';
import { killDaemon } from './rows/kill-daemon.ts';
import { ledgerFull } from './rows/ledger-full.ts';
import { lyingDisk } from './rows/lying-disk.ts';
import { millionTransfers } from './rows/million.ts';
import { noInodes, noSpace } from './rows/no-room.ts';
import { offloadHome } from './rows/offload-home.ts';
import { powerCutExt4, powerCutXfs } from './rows/power-cut.ts';
import { readOnly } from './rows/read-only.ts';
import { recordAndKill } from './rows/record-and-kill.ts';
import { renameError } from './rows/rename-error.ts';
import { resets } from './rows/resets.ts';
import { scannerAway } from './rows/scanner-away.ts';
import { silentLink } from './rows/silent-link.ts';
import { sourceChanges } from './rows/source-changes.ts';
import { sourceError } from './rows/source-error.ts';
import { syncError } from './rows/sync-error.ts';
import { syncHome } from './rows/sync-home.ts';

export const rows: readonly Row[] = [
  killCopy,
  killDaemon,
  offloadHome,
  syncHome,
  silentLink,
  resets,
  killAtCall,
  powerCutExt4,
  powerCutXfs,
  lyingDisk,
  syncError,
  noSpace,
  noInodes,
  ledgerFull,
  closeError,
  readOnly,
  sourceError,
  bitFlip,
  everyErrno,
  hungShare,
  renameError,
  recordAndKill,
  sourceChanges,
  hostileNamesRow,
  scannerAway,
  clockJumps,
  generatedRequests,
  cutListing,
  millionTransfers,
];

/** Those whose short forms are part of `npm test`: the ones that are done in seconds, or a minute together, and hold on a busy machine. */
export const shortRows: readonly Row[] = [
  killCopy,
  killAtCall,
  syncError,
  noSpace,
  closeError,
  readOnly,
  bitFlip,
  hungShare,
  renameError,
  sourceChanges,
  recordAndKill,
  offloadHome,
  syncHome,
  hostileNamesRow,
  scannerAway,
];
