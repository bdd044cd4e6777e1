// The mover's worker module: what its lanes do inside a mount pool's workers.

import { copyBlocks } from './block-lane.ts';
import { checkBlocks } from './check-lane.ts';
import { discardPartial, forgetMove, removeLeftover } from './discard-move.ts';
import { exposePartial, unveilPartial } from './exposed-partial.ts';
import { openPartial } from './open-partial.ts';
import { movePackFiles } from './pack-lane.ts';
import { loadPack, notePack } from './pack-note.ts';
import { listPacks, packDestination, recoverPack } from './pack-recovery.ts';
import { lookAtSource, planMove } from './plan-move.ts';
import { finishPartial, freeName, publishPartial, recoverPartial, syncPartial } from './publish-partial.ts';
import { readIntoRing, writeFromRing } from './ring-lanes.ts';
import { appendToJournal, loadJournal } from './stream-journal.ts';
import { findPartials, listJournals, removePartials } from './sweep.ts';
import { verifiedBlocks } from './verified-blocks.ts';

/** Operations that a worker knows by these names. */
export const operations = {
  /** Ends when the worker is ready for more. */
  'mover.standBy': () => null,
  'mover.plan': planMove,
  'mover.look': lookAtSource,
  'mover.open': openPartial,
  'mover.copy': copyBlocks,
  'mover.check': checkBlocks,
  'mover.ringRead': readIntoRing,
  'mover.ringWrite': writeFromRing,
  'mover.sync': syncPartial,
  'mover.finish': finishPartial,
  'mover.freeName': freeName,
  'mover.expose': exposePartial,
  'mover.unveil': unveilPartial,
  'mover.publish': publishPartial,
  'mover.recover': recoverPartial,
  'mover.forget': forgetMove,
  'mover.remove': removeLeftover,
  'mover.discard': discardPartial,
  'mover.appendToJournal': appendToJournal,
  'mover.loadJournal': loadJournal,
  'mover.verified': verifiedBlocks,
  'mover.findPartials': findPartials,
  'mover.removePartials': removePartials,
  'mover.listJournals': listJournals,
  'mover.pack': movePackFiles,
  'mover.listPacks': listPacks,
  'mover.packDestination': packDestination,
  'mover.recoverPack': recoverPack,
  'mover.notePack': notePack,
  'mover.loadPack': loadPack,
};
