// The end of a move: sources are deleted once their copies are proven, and only while they still are what was proven.

import { asFault, type FaultReport } from '../../model/fault.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { CopySpec } from '../../model/specs.ts';
import type { SourceIdentity, Transfer } from '../../model/transfer.ts';
import type { ProvenSource } from '../compare-operations.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { ModeHost } from '../mode.ts';
import { removeProven } from '../remove-proven.ts';
import type { ResolvedCopy } from './resolve-copy.ts';

export interface Pruner {
  arrived(arrived: readonly { readonly transfer: Transfer; readonly receipt: Receipt }[]): Promise<void>;
  /** Of files that were found unchanged those with a receipt go; the others come back, to be proven first by the mover. */
  same(files: readonly ComparedEntry[], copy: ResolvedCopy): Promise<readonly ComparedEntry[]>;
}

export function createPruner(spec: CopySpec, host: ModeHost): Pruner {
  const complain = (fault: FaultReport) => host.log.warn({ jobId: host.job.id, fault }, fault.message);

  /** True where enough copies of just this version of the source are proven. */
  const enoughCopies = async (receipt: Receipt): Promise<boolean> => {
    if (spec.copies <= 1) return true;
    const receipts = await host.reader.receipts({ source: receipt.source });
    const places = receipts
      .filter((one) => one.sizeBytes === receipt.sizeBytes && sameIdentity(one.sourceIdentity, receipt.sourceIdentity))
      .map((one) => `${one.destination.endpoint}\n${one.destination.path}`);
    return new Set(places).size >= spec.copies;
  };

  const remove = async (root: string, files: readonly ProvenSource[]) => {
    const kept = await removeProven(await host.open(root), files, host);
    for (const { fault } of kept) if (fault.code !== 'not_found') complain(fault);
  };

  const removeAll = async (proven: readonly Receipt[]) => {
    const byRoot = new Map<string, ProvenSource[]>();
    for (const receipt of proven) {
      const { sourceIdentity: identity, source } = receipt;
      if (identity === null || !(await enoughCopies(receipt))) continue;
      const files = byRoot.get(source.endpoint) ?? [];
      byRoot.set(source.endpoint, files);
      const { device, inode, sizeBytes, mtimeMs } = identity;
      files.push({
        path: source.path,
        sizeBytes,
        mtimeMs,
        ...(device === undefined ? {} : { device }),
        ...(inode === undefined ? {} : { inode }),
      });
    }
    for (const [root, files] of byRoot) {
      try {
        await remove(root, files);
      } catch (error) {
        complain(asFault(error).report());
      }
    }
  };

  return {
    arrived: (arrived) => removeAll(arrived.map(({ receipt }) => receipt)),
    same: async (files, copy) => {
      const proven: Receipt[] = [];
      const unproven: ComparedEntry[] = [];
      for (const found of files) {
        const receipts = await host.reader.receipts({ source: { endpoint: found.root, path: found.entry.path } });
        const receipt = receipts.find(
          (one) =>
            one.destination.endpoint === copy.destination &&
            one.destination.path === found.destination &&
            one.sizeBytes === found.entry.sizeBytes &&
            one.sourceIdentity?.mtimeMs === found.entry.mtimeMs,
        );
        if (receipt === undefined) unproven.push(found);
        else proven.push(receipt);
      }
      await removeAll(proven);
      return unproven;
    },
  };
}

function sameIdentity(one: SourceIdentity | null, other: SourceIdentity | null): boolean {
  return (
    one !== null &&
    other !== null &&
    one.sizeBytes === other.sizeBytes &&
    one.mtimeMs === other.mtimeMs &&
    one.inode === other.inode
  );
}
