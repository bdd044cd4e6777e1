// What the API itself keeps in the ledger (tokens, sessions, answers under an Idempotency-Key, settings): small documents.

import type { StoreReader } from '../store/store.ts';

/** The only writes that the API may do; everything else goes through the engine. */
export interface DocumentWriter {
  put(collection: string, key: string, value: unknown): Promise<void>;
  remove(collection: string, key: string): Promise<void>;
}

export interface Documents extends DocumentWriter {
  get(collection: string, key: string): Promise<unknown>;
  list(collection: string): Promise<readonly { readonly key: string; readonly value: unknown }[]>;
}

export function documentsOf(reader: StoreReader, writer: DocumentWriter): Documents {
  return {
    put: (collection, key, value) => writer.put(collection, key, value),
    remove: (collection, key) => writer.remove(collection, key),
    get: (collection, key) => reader.document(collection, key),
    list: (collection) => reader.documents(collection),
  };
}
