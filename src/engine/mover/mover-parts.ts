// What all moves of one mover share, and how an attempt that is told to stop ends.

import { join } from 'node:path';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { type Mounts, type StopReason, stopReasons } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { BlockTable } from './block-table.ts';
import type { Inode } from './lane-file.ts';
import type { Reservations } from './reservations.ts';

export interface MoverParts {
  readonly mounts: Mounts;
  readonly journalFolder: string;
  readonly reservations: Reservations;
  /** Transfers of which a worker was given up and may still write to their partial. */
  readonly holdersAlive: Set<string>;
  /** By transfer: what this process has copied of sources that still grow, so that going on needs no reading again. */
  readonly growing: Map<string, { readonly table: BlockTable; readonly inode: Inode }>;
  /** Lanes that run now, sources that are being moved (each to one or more destinations), and how many lanes pay off on this machine. */
  readonly lanes: { running: number; sources: number; readonly most: number };
}

export type StopName = 'pause' | 'cancel' | 'fence' | 'stall' | 'shutdown';

export const stopNames: Readonly<Record<StopReason, StopName>> = {
  [stopReasons.run]: 'shutdown',
  [stopReasons.pause]: 'pause',
  [stopReasons.cancel]: 'cancel',
  [stopReasons.fence]: 'fence',
  [stopReasons.stall]: 'stall',
  [stopReasons.shutdown]: 'shutdown',
};

/** A stop that was asked for; ends an attempt from the inside. */
export class Stopped extends Error {
  readonly reason: StopName;

  constructor(reason: StopReason) {
    super('stopped');
    this.reason = stopNames[reason];
  }
}

/** Where a journal lies: by the transfer's id. */
export function journalPath(folder: string, transferId: string): string {
  return join(folder, transferId + journalSuffix);
}

export const journalSuffix = '.journal';

/** Throws `unsupported` for an endpoint of another machine. */
export function localPath(endpoint: Endpoint, path: string): string {
  if (endpoint.localPath === undefined) {
    throw new Fault('unsupported', `${displayPath(endpoint.name)} is not on this machine.`);
  }
  return endpoint.localPath(path);
}
