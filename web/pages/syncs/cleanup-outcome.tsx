// What a cleanup at the source came to, or would come to: counts, why files stayed, and the list.

import type { RouteOutput } from '../../../src/api/client.ts';
import { Icon } from '../../parts/icon.tsx';
import { Section } from '../../parts/section.tsx';
import { count, counted, exactSize, size } from '../../words/amounts.ts';
import { keptWords } from '../../words/syncs.ts';

export type Cleanup = RouteOutput<'cleanUp'>;

/** Of a run, as its status tells it; null where none was made. */
export function CleanupOutcome({ result }: { result: unknown }) {
  if (!isCleanup(result)) return null;
  return (
    <Section title="What the last run cleaned up">
      <CleanupFigures result={result} />
    </Section>
  );
}

export function CleanupFigures({ result }: { result: Cleanup }) {
  const { filesScanned, filesDeleted, spaceFreedBytes, errors, dryRun, kept } = result;
  const stayed = Object.entries(kept).filter(([, files]) => files > 0);
  return (
    <div className="flex flex-col gap-1 tabular-nums">
      <p>
        {filesDeleted === 0 ? (
          dryRun ? (
            'Nothing would be deleted'
          ) : (
            'Nothing was deleted'
          )
        ) : (
          <>
            <strong className="font-semibold">{counted(filesDeleted, 'file')}</strong>{' '}
            {dryRun ? 'would be deleted' : 'deleted'},{' '}
            <span title={exactSize(spaceFreedBytes)}>{size(spaceFreedBytes)}</span>{' '}
            {dryRun ? 'would be freed' : 'freed'}
          </>
        )}
        <span className="text-ink-faint"> · of {count(filesScanned)} looked at</span>
      </p>
      {stayed.length > 0 && (
        <ul className="text-12 text-ink-soft">
          {stayed.map(([reason, files]) => (
            <li key={reason}>
              {count(files)} {keptWords[reason as keyof typeof keptWords]}
            </li>
          ))}
        </ul>
      )}
      {errors.map(({ message }) => (
        <p key={message} className="flex gap-1.5 text-12 text-needs">
          <Icon name="needs" />
          <span className="min-w-0 break-words">{message}</span>
        </p>
      ))}
    </div>
  );
}

/** The status of a run carries it as what the sync made of it. */
function isCleanup(result: unknown): result is Cleanup {
  return typeof result === 'object' && result !== null && 'filesDeleted' in result && 'kept' in result;
}
