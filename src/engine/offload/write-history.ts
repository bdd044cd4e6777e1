// At the end of a batch: the ASC MHL history of the folder of originals gets a generation, and a fact says what it found.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { asFault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { OffloadSpec } from '../../model/specs.ts';
import { appendGeneration } from '../mhl/asc-mhl.ts';
import type { ModeHost } from '../mode.ts';

/** So many names are told; the rest is in the hash list. */
const mostNames = 20;

/** Does nothing where the batch does not ask for it, or nothing of it has arrived. Never rejects for what it finds. */
export async function writeHistory(
  { ascMhl, downloadDir }: Pick<OffloadSpec, 'ascMhl'> & { readonly downloadDir: string },
  host: ModeHost,
): Promise<void> {
  if (ascMhl === null || host.job.counts.completed === 0) return;
  const folder = displayPath(downloadDir);
  try {
    const written = await appendGeneration(host.mounts, {
      folder: downloadDir,
      format: ascMhl,
      process: 'transfer',
      host: hostname(),
      version: version(),
      now: host.clock.now(),
    });
    const { failed, missing, unnamed, problems } = written;
    const some = (names: readonly string[]) => names.slice(0, mostNames).map(displayPath);
    await host.tell('observation.job.history_written', {
      folder,
      file: written.file,
      generation: written.number,
      files: written.files,
      bytes: written.bytes,
      failed: { count: failed.length, paths: some(failed) },
      missing: { count: missing.length, paths: some(missing) },
      unnamed: { count: unnamed.length, paths: some(unnamed) },
      problems: problems.slice(0, mostNames),
    });
    if (failed.length + missing.length + problems.length === 0) return;
    host.log.warn(
      { jobId: host.job.id, folder, failed: some(failed), missing: some(missing), problems },
      'The folder is not what its ASC MHL history says',
    );
  } catch (error) {
    await host.tell('observation.job.history_failed', { folder, error: asFault(error).report() });
    throw error;
  }
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
