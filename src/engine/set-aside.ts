// What a sink will never take is set aside in the ledger, so that what follows it can be told; it is told again, or dropped, when somebody says so.

import { Fault, type FaultReport } from '../model/fault.ts';
import type { IngestItem } from '../model/ingest.ts';
import type { Change, Store } from '../store/store.ts';

/** So many final refusals in a row of one thing, told alone, and it is set aside. */
export const refusalsUntilAside = 3;
/** With more than these it is not the single things that are wrong: the sink then waits, as after any other failure. */
export const mostAside = 1_000;
/** What is told of at once, with what it holds. */
const collection = 'sinks-set-aside';

export interface SetAside {
  /** Of the event, or of the run's end. */
  readonly id: string;
  readonly sinkId: string;
  readonly item: IngestItem;
  /** Milliseconds since 1970. */
  readonly happenedAt: number;
  readonly setAsideAt: number;
  /** What it was refused with the last time. */
  readonly error: FaultReport;
}

type Documents = Pick<Store, 'documents'>;

/** True for a refusal that is about what was told, so that telling it again changes nothing. */
export function isFinal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'isFinal' in error && error.isFinal === true;
}

export function itemId(item: IngestItem): string {
  return item.kind === 'file' ? item.event.id : item.summary.id;
}

/** Of one sink, oldest first. */
export async function setAsideOf(store: Documents, sinkId: string): Promise<readonly SetAside[]> {
  const found = (await store.documents(collection)).map(({ value }) => value as SetAside);
  return found.filter((one) => one.sinkId === sinkId).sort((one, other) => one.happenedAt - other.happenedAt);
}

export function putAside(one: SetAside): Change {
  return { kind: 'put_document', collection, key: keyOf(one), value: one };
}

export function dropAside(one: SetAside): Change {
  return { kind: 'delete_document', collection, key: keyOf(one) };
}

/** Those that are meant: all of them where none is named. Rejects with `not_found` where one is not there. */
export async function chosenAside(
  store: Documents,
  sinkId: string,
  ids: readonly string[],
): Promise<readonly SetAside[]> {
  const all = await setAsideOf(store, sinkId);
  const missing = ids.find((id) => !all.some((one) => one.id === id));
  if (missing !== undefined) throw new Fault('not_found', `Nothing of that sink with the id ${missing} is set aside.`);
  return ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
}

function keyOf({ sinkId, id }: Pick<SetAside, 'sinkId' | 'id'>): string {
  return `${sinkId}/${id}`;
}
