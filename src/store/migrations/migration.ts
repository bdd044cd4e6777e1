// One step of the ledger's schema.

export interface Migration {
  /** 1, 2, 3 … without gaps; never changed once it has been released. */
  readonly version: number;
  readonly name: string;
  /** Statements, run in one transaction together with the row that records them. */
  readonly sql: string;
}
