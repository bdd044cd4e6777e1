// What happens to a watched source file once it is proven at all its destinations: it stays, is deleted, or is put aside.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Transfer } from '../../model/transfer.ts';
import type { ModeHost } from '../mode.ts';
import type { PreparedWatch } from './watch-mode.ts';

const tries = 3;
const pauseMs = 500;

/** Rejects with why the source could not be put away; the transfer stays completed. `fresh` is the receipt of this arrival. */
export async function afterArrival(
  transfer: Transfer,
  fresh: Receipt,
  spec: PreparedWatch,
  host: ModeHost,
): Promise<void> {
  if (spec.after === 'keep') return;
  const { endpoint, path } = transfer.source;
  const source = await host.open(endpoint);
  const there = await source.stat(path);
  if (there === undefined) return;
  const receipts = spec.destinations.length === 1 ? [fresh] : await host.reader.receipts({ source: transfer.source });
  const proven = new Set(
    receipts.filter((receipt) => matches(receipt, there)).map((receipt) => receipt.destination.endpoint),
  );
  // The others arrive later, and come by here then.
  if (!spec.destinations.every((destination) => proven.has(destination))) return;
  for (let attempt = 1; ; attempt++) {
    try {
      if (spec.after === 'delete') await source.remove(path);
      else await putAside(transfer, spec, host);
      return;
    } catch (error) {
      if (attempt === tries) {
        throw new Fault(
          'io',
          `${displayPath(path)} is proven at its destination, but could not be put away: ${(error as Error).message}`,
          { cause: error },
        );
      }
      await host.clock.sleep(pauseMs * attempt);
    }
  }
}

function matches(receipt: Receipt, there: { sizeBytes: number; mtimeMs: number; inode?: string }): boolean {
  const identity = receipt.sourceIdentity;
  if (identity === null) return false;
  if (identity.inode !== undefined && there.inode !== undefined && identity.inode !== there.inode) return false;
  return identity.sizeBytes === there.sizeBytes && identity.mtimeMs === there.mtimeMs;
}

/** Within one place a rename; its folder is below the same root or the file stays where it is and the fault says so. */
async function putAside(transfer: Transfer, spec: PreparedWatch, host: ModeHost): Promise<void> {
  const common = spec.asideRoot;
  if (common === null || spec.moveTo === null) return;
  const root = await host.open(common);
  if (root.rename === undefined) throw new Fault('unsupported', `${displayPath(common)} cannot rename files.`);
  const from = below(common, `${transfer.source.endpoint}/${transfer.source.path}`);
  const to = below(common, `${spec.moveTo}/${transfer.source.path}`);
  const folder = to.slice(0, Math.max(0, to.lastIndexOf('/')));
  if (folder !== '') await root.makeFolder?.(folder);
  await root.rename(from, to, { overwrite: false });
}

function below(root: string, path: string): string {
  return path.slice(root === '/' ? 1 : root.length + 1);
}
