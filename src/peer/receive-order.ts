// What a receiver is asked for, and what it needs of the session that it is part of.

import type { Clock } from '../model/clock.ts';
import type { ReceivingFile } from './files.ts';
import type { Word } from './messages.ts';
import type { ContentPath, PathChoice } from './path-choice.ts';
import type { RelayPort } from './relay-port.ts';
import type { AttachedLink } from './session-link.ts';

export interface ReceiveOrder {
  readonly transferId: string;
  readonly sizeBytes: number;
  readonly chunkBytes: number;
  readonly into: ReceivingFile;
  readonly choice: PathChoice;
  /** How often the same session has asked for it before, when it went into another file. Default is 0. */
  readonly askedBefore?: number;
  /** Ways that may be taken at all; default is all. */
  readonly paths?: readonly ContentPath[];
}

export interface ReceivingPorts {
  readonly clock: Clock;
  readonly relay: RelayPort | undefined;
  /** The newest open link of that kind. */
  linkFor(path: 'direct' | 'socket'): AttachedLink | undefined;
  /** Whether words reach the other side at all. */
  hasLink(): boolean;
  /** Says a word over the best link there is, and whether there was one. */
  say(word: Word): boolean;
  changed(): void;
}
