// Whether a member that is a program takes a file that it is offered, by the rules that it was given.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { AcceptRule } from '../../model/share-spec.ts';
import { formatSize } from '../../model/size.ts';
import { compileGlob } from '../glob.ts';

export interface OfferedFile {
  /** The sender's name. */
  readonly from: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

/** Undefined where it is taken, else why not, for the sender to read. */
export type Judge = (file: OfferedFile) => string | undefined;

/** Throws `invalid` for a pattern that cannot be read. */
export function compileAcceptRules(rules: readonly AcceptRule[], takesAnything: boolean): Judge {
  const compiled = rules.map((rule) => {
    const from = rule.from === undefined ? undefined : compileGlob(rule.from, { ignoreCase: true });
    const type = rule.type === undefined ? undefined : compileGlob(rule.type, { ignoreCase: true });
    const name = rule.name === undefined ? undefined : compileGlob(rule.name, { ignoreCase: true, basename: true });
    return (file: OfferedFile): boolean =>
      (from?.(file.from) ?? true) &&
      (type?.(file.mediaType) ?? true) &&
      (name?.(file.name) ?? true) &&
      file.sizeBytes <= (rule.maxSize ?? Number.POSITIVE_INFINITY);
  });
  return (file) => {
    if (!takesAnything) return 'This member sends only; it takes no files.';
    if (compiled.length === 0 || compiled.some((fits) => fits(file))) return undefined;
    return `${displayPath(file.name)} (${formatSize(file.sizeBytes)}, ${file.mediaType}) is not what this member takes.`;
  };
}

/** Rejected by whoever was offered it, or taken back. */
export function refusedFault(name: string, why: string | null): Fault {
  return new Fault('rejected', `${displayPath(name)} was not taken${why === null ? '.' : `: ${why}`}`);
}
