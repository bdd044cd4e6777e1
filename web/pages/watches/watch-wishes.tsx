// What a watch was asked for, in words.

import type { WatchView } from '../../../src/model/watch-views.ts';
import { Facts, Section } from '../../parts/section.tsx';
import { size } from '../../words/amounts.ts';
import { span } from '../../words/times.ts';
import { formFrom } from './watch-form.ts';

export function WatchWishes({ watch }: { watch: WatchView }) {
  const form = formFrom(watch);
  const after = {
    keep: 'The source stays',
    delete: 'The source is deleted once it is proven everywhere',
    'move-to': `The source is moved to ${form.moveTo.text}`,
    '': '',
  }[form.after];
  return (
    <Section title="Asked for">
      <Facts
        rows={[
          ['From', <Path key="from" text={watch.source} />],
          ...watch.destinations.map((path) => ['To', <Path key={path} text={path} />] as const),
          ['Stable after', span(Number(form.stableSeconds))],
          [
            'Growing files',
            `From ${size(form.growing.minSize)} on they are copied while they grow, ${size(form.growing.safetyMargin)} behind the writer${form.growing.readable ? ', readable at the destination' : ''}`,
          ],
          ['Afterwards', after],
          ...(form.include === '' ? [] : [['Only', <Path key="include" text={form.include} />] as const]),
          ...(form.exclude === '' ? [] : [['Not', <Path key="exclude" text={form.exclude} />] as const]),
          ...(form.doneMarker === '' ? [] : [['Done marker', <Path key="done" text={form.doneMarker} />] as const]),
          ...(form.bundle ? [['Sets', 'Each folder is taken as a whole'] as const] : []),
        ]}
      />
      {form.rules.length > 0 && (
        <ol className="mt-3 list-inside list-decimal font-mono text-12">
          {form.rules.map((rule) => (
            <li key={rule.key} className="wrap-anywhere">
              {rule.pattern} → {rule.to}
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function Path({ text }: { text: string }) {
  return <span className="wrap-anywhere whitespace-pre-line font-mono text-12">{text}</span>;
}
