// What a row of the torture table is: a fault, how often it was made, and what it cost.

export interface RowOptions {
  /** How often the fault is made. */
  readonly runs: number;
  readonly seed: number;
  /** An empty folder of the row's own; removed by the caller. */
  readonly scratch: string;
  /** 1 is the full size of the row; the short forms in `npm test` take less. */
  readonly scale: number;
  readonly say: (line: string) => void;
}

export interface RowResult {
  readonly runs: number;
  /** Files that were there or reported done and are not. */
  readonly lost: number;
  /** Files whose content is wrong, or that were seen half done under a final name. */
  readonly corrupt: number;
  /** Bytes that were moved more than once; null where the row does not count them. */
  readonly bytesAgain: number | null;
  /** What else went against the row's promise: partials left, doubled files, wrong exit codes, missing words. */
  readonly faults: readonly string[];
}

export interface Row {
  readonly id: string;
  readonly title: string;
  /** Runs of the full form. */
  readonly runs: number;
  readonly run: (options: RowOptions) => Promise<RowResult>;
  /** The same fault on a naive way of doing it: has to lose, corrupt or fault, or the row sees nothing. */
  readonly control: (options: RowOptions) => Promise<RowResult>;
}

export function held(result: RowResult): boolean {
  return result.lost === 0 && result.corrupt === 0 && result.faults.length === 0;
}

/** Numbers in [0, 1) from a seed (xorshift32). */
export function randomFrom(seed: number): () => number {
  // Small seeds would begin with small numbers.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
