// From what was picked to what is asked of the daemon: one copy of the files, one for each folder that keeps its name.

import { exactPath } from '../../../src/model/path-text.ts';
import type { CopyRequest } from '../../../src/model/specs.ts';
import { baseName } from '../../words/transfers.ts';
import type { PickedPath } from './folder-browser.tsx';

export interface CopyChoices {
  readonly sources: readonly PickedPath[];
  readonly destination: PickedPath | undefined;
  /** Typed instead of picked: an address such as `ssh://host/path`. */
  readonly destinationText: string;
  /** A folder arrives under its own name; otherwise its contents go right into the destination. */
  readonly keepFolders: boolean;
  readonly conflict: NonNullable<CopyRequest['conflict']>;
  readonly move: boolean;
  readonly checksum: boolean;
  readonly bandwidth: string;
}

const exact = (picked: PickedPath) =>
  exactPath(
    picked.pathBytes === undefined ? { path: picked.path } : { path: picked.path, pathBytes: picked.pathBytes },
  );

export function destinationOf(choices: CopyChoices): string {
  const typed = choices.destinationText.trim();
  if (choices.destination !== undefined && typed === choices.destination.path) return exact(choices.destination);
  return typed;
}

/** Empty while something is still missing. */
export function copyRequests(choices: CopyChoices): CopyRequest[] {
  const destination = destinationOf(choices);
  if (destination === '' || choices.sources.length === 0) return [];
  const shared = {
    kind: 'copy' as const,
    conflict: choices.conflict,
    move: choices.move,
    checksum: choices.checksum,
    ...(choices.bandwidth.trim() === '' ? {} : { bandwidth: choices.bandwidth.trim() }),
  };
  const into = destination.endsWith('/') ? destination : `${destination}/`;
  if (!choices.keepFolders) return [{ ...shared, sources: choices.sources.map(exact), destination: into }];
  const files = choices.sources.filter((source) => source.kind !== 'folder').map(exact);
  const folders = choices.sources.filter((source) => source.kind === 'folder').map(exact);
  return [
    ...(files.length === 0 ? [] : [{ ...shared, sources: files, destination: into }]),
    ...folders.map((folder) => ({ ...shared, sources: [folder], destination: `${into}${baseName(folder)}/` })),
  ];
}
