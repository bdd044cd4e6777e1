// A receipt: the proof of one verified copy, to copy, to keep, and to print as a document.

import type { ReceiptView } from '../../../src/model/views.ts';
import { IconButton } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { exactSize } from '../../words/amounts.ts';
import { exactMoment } from '../../words/times.ts';
import { algorithmName, verifyWords, wholePath } from '../../words/transfers.ts';

export function ReceiptCard({ receipt }: { receipt: ReceiptView }) {
  const asText = JSON.stringify(receipt, undefined, 2);
  return (
    <Section
      title="Receipt"
      tools={
        <span className="-my-1 flex">
          <CopyButton text={asText} what="the receipt as JSON" />
          <IconButton icon="print" label="Print" className="print-hidden" onClick={() => window.print()} />
        </span>
      }
    >
      <div className="rounded border border-proven/40 bg-proven-tint p-3">
        <div className="flex items-start gap-1">
          <div className="min-w-0 flex-1">
            <p className="text-12 text-ink-soft">{algorithmName(receipt.hash.algorithm)}</p>
            <p className="wrap-anywhere font-mono text-13" data-hash={receipt.hash.value}>
              {receipt.hash.value}
            </p>
          </div>
          <CopyButton text={receipt.hash.value} what="the hash" />
        </div>
        <div className="mt-3">
          <Facts
            rows={[
              ['Proved by', verifyWords(receipt.verify)],
              ['At', exactMoment(Date.parse(receipt.at))],
              [
                'Size',
                <span key="size" className="tabular-nums">
                  {exactSize(receipt.sizeBytes)}
                </span>,
              ],
              [
                'Stands at',
                <span key="at" className="wrap-anywhere font-mono text-12">
                  {wholePath(receipt.destination)}
                </span>,
              ],
            ]}
          />
        </div>
      </div>
    </Section>
  );
}
