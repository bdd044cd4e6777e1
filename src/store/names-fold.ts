// What a search compares: names as they are shown, in one case and one Unicode form.

import { displayPath } from '../model/names.ts';
import { columnAt, type FlatTransfer } from './transfer-row.ts';

const plain = /^[ -~]*$/;

export function foldName(name: string): string {
  // Nearly all names; they are shown as they are.
  if (plain.test(name)) return name.toLowerCase();
  return displayPath(name).normalize('NFC').toLowerCase();
}

/** The names by which a search finds a transfer, folded, one a line: no shown name holds a line's end. */
export function searchedNames(flat: FlatTransfer): string {
  const source = String(flat[columnAt.source_path]);
  const destination = String(flat[columnAt.destination_path]);
  const published = flat[columnAt.published_path];
  let names = foldName(source);
  if (destination !== source) names += `\n${foldName(destination)}`;
  if (typeof published === 'string' && published !== destination && published !== source)
    names += `\n${foldName(published)}`;
  return names;
}
