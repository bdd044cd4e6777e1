// What databases and catalogues outside are told of files that came home: the events of ingest and the summary of a sync.

/** `batch_synced` stands for events of files that come together. */
export const ingestTypes = ['file_synced', 'file_processed', 'file_deleted', 'batch_synced', 'sync_complete'] as const;
export type IngestType = (typeof ingestTypes)[number];

/** The types that are of one file. */
export const fileIngestTypes = ['file_synced', 'file_processed', 'file_deleted'] as const;
export type FileIngestType = (typeof fileIngestTypes)[number];

/** One thing that happened to one file; plain data. */
export interface IngestEvent {
  /** The same each time that it is delivered, whatever was restarted meanwhile. */
  readonly id: string;
  readonly eventType: FileIngestType;
  /** When it happened: ISO 8601, UTC. */
  readonly timestamp: string;
  /** Of the run that it belongs to. */
  readonly syncId: string;
  /** Where the file stands (or stood): an absolute path of this machine, else the address of its place with its path. */
  readonly filePath: string;
  /** Bytes. */
  readonly fileSize: number | null;
  /** `algorithm:value`, such as `sha256:9f86…`. */
  readonly fileHash: string | null;
  /** What is known of it, and of what the steps found out in it; plain data. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Absolute paths of what was made of it. */
  readonly xmpPath: string | null;
  readonly thumbnailPath: string | null;
}

/** What a cleanup at the source did. */
export interface CleanupSummary {
  readonly filesScanned: number;
  readonly filesDeleted: number;
  readonly spaceFreedBytes: number;
  readonly errors: readonly string[];
  readonly dryRun: boolean;
}

/** How a sync ended. */
export interface SyncSummary {
  /** The same each time that it is delivered. */
  readonly id: string;
  /** When it ended: ISO 8601, UTC. */
  readonly timestamp: string;
  readonly success: boolean;
  readonly filesTransferred: number;
  readonly bytesTransferred: number;
  /** Seconds. */
  readonly duration: number;
  readonly errors: readonly string[];
  readonly cleanup?: CleanupSummary;
}

/** One step of a sink's way through the facts. */
export type IngestItem =
  | { readonly kind: 'file'; readonly event: IngestEvent }
  | { readonly kind: 'complete'; readonly syncId: string; readonly summary: SyncSummary };

/** What of the facts a sink is told. */
export interface IngestWish {
  readonly types: readonly IngestType[];
  /** Kinds of jobs whose files are meant. */
  readonly jobs: readonly string[];
}

/** Events of files are wanted singly, or in batches, or not at all. */
export function wantsFile({ types }: IngestWish, type: FileIngestType): boolean {
  if (types.includes(type)) return true;
  // Who asks for batches alone means what arrives.
  return (
    type === 'file_synced' && types.includes('batch_synced') && !fileIngestTypes.some((one) => types.includes(one))
  );
}
