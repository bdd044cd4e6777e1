// What has just arrived: proven files, newest first.

import type { TransferView } from '../../../src/model/views.ts';
import { useNow } from '../../live/use-now.ts';
import { FileName } from '../../parts/file-name.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { exactSize, size } from '../../words/amounts.ts';
import { age } from '../../words/times.ts';
import { baseName, targetPath } from '../../words/transfers.ts';

export function ArrivedList({ arrived }: { arrived: readonly TransferView[] }) {
  const nowMs = useNow(5000);
  return (
    <section aria-labelledby="arrived-title" className="min-w-0">
      <h2 id="arrived-title" className="mb-1 flex justify-between text-12 font-semibold text-ink-soft">
        Just arrived
        {arrived.length > 0 && (
          <Link
            href="/transfers?state=proven"
            className="font-medium underline decoration-line-strong underline-offset-2"
          >
            All that are proven
          </Link>
        )}
      </h2>
      {arrived.length === 0 && (
        <p className="border-t border-line py-3 text-ink-faint">Nothing yet. A file stands here once it is verified.</p>
      )}
      <ul>
        {arrived.map((transfer) => (
          <li key={transfer.id} className="border-t border-line">
            <Link href={`/transfers/${transfer.id}`} className="flex items-center gap-2.5 py-2 hover:bg-tint">
              <Icon name="proven" className="text-proven" />
              <span className="sr-only">Proven: </span>
              <span className="min-w-0 flex-1">
                <FileName
                  name={baseName(transfer.published?.path ?? transfer.destination.path)}
                  title={targetPath(transfer)}
                />
                <span className="block truncate text-12 text-ink-faint">{transfer.destination.endpoint}</span>
              </span>
              <span className="shrink-0 text-right text-12 text-ink-faint tabular-nums">
                {transfer.sizeBytes !== null && (
                  <span title={exactSize(transfer.sizeBytes)}>{size(transfer.sizeBytes)}</span>
                )}
                <br />
                {age(Date.parse(transfer.finishedAt ?? transfer.updatedAt), nowMs)}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
