// Which transfer stands in which row of a list that lives on the daemon: known in places, of full length, patched by events.

/** Immutable; every change gives a new one. Rows that have not been asked for are undefined. */
export interface RowIndex {
  readonly ids: readonly (string | undefined)[];
  readonly known: ReadonlySet<string>;
}

export const noRows: RowIndex = { ids: [], known: new Set() };

/** Puts a page where it belongs. An id that stood elsewhere leaves a hole there: the page is newer than what was known. */
export function placePage(index: RowIndex, offset: number, page: readonly string[], total: number): RowIndex {
  const ids = index.ids.slice(0, total);
  while (ids.length < total) ids.push(undefined);
  const arriving = new Set(page);
  const known = new Set(index.known);
  for (let at = total; at < index.ids.length; at++) forget(known, index.ids[at]);
  for (let at = 0; at < ids.length; at++) {
    const id = ids[at];
    if (id !== undefined && arriving.has(id)) ids[at] = undefined;
  }
  for (let at = 0; at < page.length && offset + at < total; at++) {
    forget(known, ids[offset + at]);
    ids[offset + at] = page[at];
  }
  for (const id of page) known.add(id);
  return { ids, known };
}

/** New rows on top, newest first. Those that are known already stay where they are. */
export function prepend(index: RowIndex, newest: readonly string[]): RowIndex {
  const fresh = newest.filter((id) => !index.known.has(id));
  if (fresh.length === 0) return index;
  const known = new Set(index.known);
  for (const id of fresh) known.add(id);
  return { ids: [...fresh, ...index.ids], known };
}

/** Takes rows out and closes the gaps, as the daemon's own list has. */
export function takeOut(index: RowIndex, gone: ReadonlySet<string>): RowIndex {
  const leaving = [...gone].filter((id) => index.known.has(id));
  if (leaving.length === 0) return index;
  const known = new Set(index.known);
  for (const id of leaving) known.delete(id);
  return { ids: index.ids.filter((id) => id === undefined || !gone.has(id)), known };
}

/** Forgets what is far from the rows in sight, so that a page that is scrolled all night does not grow. */
export function keepNear(index: RowIndex, from: number, to: number, mostKnown: number): RowIndex {
  if (index.known.size <= mostKnown) return index;
  const room = Math.max(0, Math.floor((mostKnown - (to - from)) / 2));
  const ids = index.ids.slice();
  const known = new Set<string>();
  for (let at = 0; at < ids.length; at++) {
    if (at < from - room || at > to + room) ids[at] = undefined;
    const id = ids[at];
    if (id !== undefined) known.add(id);
  }
  return { ids, known };
}

/** The pages (by number) that the rows `from` to `to` still need. */
export function missingPages(index: RowIndex, from: number, to: number, pageRows: number): number[] {
  const pages = new Set<number>();
  for (let at = Math.max(0, from); at <= to && at < index.ids.length; at++) {
    if (index.ids[at] === undefined) pages.add(Math.floor(at / pageRows));
  }
  return [...pages];
}

function forget(known: Set<string>, id: string | undefined): void {
  if (id !== undefined) known.delete(id);
}
