// Directory hashes of ASC MHL: one of what a folder's files hold, one of how they are named and nested. Pure.

import { type DigestName, digestBytes, digestOf } from '../../endpoints/digest.ts';

export interface FolderDigests {
  readonly content: string;
  readonly structure: string;
}

/** Collects what lies directly in a folder. */
export interface FolderHasher {
  file(name: string, value: string): void;
  folder(name: string, digests: FolderDigests): void;
  digests(): FolderDigests;
}

/**
 * Content: the digest of all children's content digests, sorted by their texts. Structure: the same of each child's digest of its name
 * followed by its own (a folder's structure digest), as the reference implementation of ASC MHL does it.
 */
export function createFolderHasher(format: DigestName): FolderHasher {
  const contents: string[] = [];
  const structures: string[] = [];
  const named = (name: string, value: string) =>
    digestOf(format, Buffer.concat([Buffer.from(name, 'utf8'), digestBytes(format, value)]));
  const ofAll = (values: readonly string[]) =>
    digestOf(format, Buffer.concat(values.toSorted().map((value) => digestBytes(format, value))));
  return {
    file(name, value) {
      contents.push(value);
      structures.push(named(name, value));
    },
    folder(name, { content, structure }) {
      contents.push(content);
      structures.push(named(name, structure));
    },
    digests: () => ({ content: ofAll(contents), structure: ofAll(structures) }),
  };
}
