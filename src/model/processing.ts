// What processing works on and what it leaves: shared by the steps, by device adapters that process by themselves, and by the engine.

/** A file of this machine, whole and proven. */
export interface LocalFile {
  /** Absolute, as model/names.ts holds names. */
  readonly path: string;
  /** What messages call it, where that is not its path: it has not got its name yet. */
  readonly shownAs?: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** As far as it is known. */
  readonly mediaType: string | null;
}

/** Where results may be written. */
export interface OutputPlan {
  /** Absolute, empty, of this run alone, and on the file system where the results are to be published. */
  readonly workFolder: string;
  /** What results are to be named after: the original's name without its extension. */
  readonly name: string;
}

export interface ProcessCall {
  readonly signal: AbortSignal;
  /** In any unit that both share; `total` is null while nobody knows it. */
  readonly progress: (done: number, total: number | null) => void;
}

/** One result. Nothing else of the work folder is kept. */
export interface Produced {
  /** What it is of the original: `thumbnail`, `proxy`, `hls`, `stitched`, `xmp`, `metadata`, `checksum`, or a word of one's own. */
  readonly role: string;
  /** Relative to the work folder; a file, or a folder whose files belong together. */
  readonly path: string;
  readonly mediaType: string | null;
}

/** What made a result. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  /** As it was called, without paths of this machine. */
  readonly parameters: readonly string[];
}

export interface ProcessResult {
  readonly produced: readonly Produced[];
  /** What was found out about the original (duration, hash, camera, verdict); plain data. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly tool: Tool | null;
}
