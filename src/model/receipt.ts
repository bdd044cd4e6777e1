// The receipt: durable proof of one verified copy.

import type { ContentHash, Verify } from './hash.ts';
import type { Place, SourceIdentity } from './transfer.ts';

export interface Receipt {
  readonly transferId: string;
  readonly jobId: string;
  readonly source: Place;
  readonly sourceIdentity: SourceIdentity | null;
  /** Where the copy stands, under the name it was published. */
  readonly destination: Place;
  readonly sizeBytes: number;
  readonly hash: ContentHash;
  /** How it was proved. */
  readonly verify: Verify;
  readonly at: number;
}
