// From what was picked to what is asked of the daemon: one copy of the files, one for each folder that keeps its name.

import type { CopyRequest } from '../../../src/model/specs.ts';
import type { PickedPath, PlaceInput } from '../../pickers/picked-path.ts';
import { exactPicked, exactPlace } from '../../pickers/picked-path.ts';
import { baseName } from '../../words/transfers.ts';

export interface CopyChoices {
  readonly sources: readonly PickedPath[];
  readonly destination: PlaceInput;
  /** A folder arrives under its own name; otherwise its contents go right into the destination. */
  readonly keepFolders: boolean;
  readonly conflict: NonNullable<CopyRequest['conflict']>;
  readonly move: boolean;
  readonly checksum: boolean;
  readonly bandwidth: string;
}

/** Empty while something is still missing. */
export function copyRequests(choices: CopyChoices): CopyRequest[] {
  const destination = exactPlace(choices.destination);
  if (destination === '' || choices.sources.length === 0) return [];
  const shared = {
    kind: 'copy' as const,
    conflict: choices.conflict,
    move: choices.move,
    checksum: choices.checksum,
    ...(choices.bandwidth.trim() === '' ? {} : { bandwidth: choices.bandwidth.trim() }),
  };
  const into = destination.endsWith('/') ? destination : `${destination}/`;
  if (!choices.keepFolders) return [{ ...shared, sources: choices.sources.map(exactPicked), destination: into }];
  const files = choices.sources.filter((source) => source.kind !== 'folder').map(exactPicked);
  const folders = choices.sources.filter((source) => source.kind === 'folder').map(exactPicked);
  return [
    ...(files.length === 0 ? [] : [{ ...shared, sources: files, destination: into }]),
    ...folders.map((folder) => ({ ...shared, sources: [folder], destination: `${into}${baseName(folder)}/` })),
  ];
}
