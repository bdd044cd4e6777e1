// Names for what is saved: the sender's name made safe for any system, as folders or in one part.

import { baseName, nameMaxBytes, safeRelativePath, windowsProblem } from '../../../../src/model/names.ts';

/**
 * The parts of a name that a browser may create, last the file's. Rejects with `name_unsafe` for names that lead elsewhere
 * (`names.ts`); what only some system does not take is put in other characters.
 */
export function savedParts(name: string): readonly string[] {
  const parts = safeRelativePath(name).split('/').filter(Boolean).map(plainPart);
  return parts.length === 0 ? ['file'] : parts;
}

/** All of the name in one part, for a download: `day 1/a.mov` → `day 1 - a.mov`. Its end is kept where it is too long. */
export function flatName(name: string): string {
  const flat = savedParts(name).join(' - ');
  return new TextEncoder().encode(flat).length <= nameMaxBytes ? flat : plainPart(baseName(name));
}

function plainPart(part: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Windows and browsers refuse control characters in names
  const plain = part.replace(/[\u0000-\u001f\u007f<>:"\\|?*]/g, '_').replace(/[ .]+$/, (end) => '_'.repeat(end.length));
  return windowsProblem(plain) === undefined ? plain : `_${plain}`;
}
