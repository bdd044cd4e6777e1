// What a sync was asked for, in words.

import type { ReactNode } from 'react';
import type { SyncView } from '../../../src/model/sync-views.ts';
import { Facts, Section } from '../../parts/section.tsx';
import { counted } from '../../words/amounts.ts';
import { folderName } from '../../words/syncs.ts';
import { span } from '../../words/times.ts';
import { formFrom, wishesOf } from './sync-form.ts';

export function SyncWishes({ sync }: { sync: SyncView }) {
  const { folders, cleanup } = wishesOf(sync);
  const form = formFrom(sync);
  const { media } = form;
  const made = [
    media.metadata ? 'metadata is read' : '',
    media.xmp ? 'XMP sidecars' : '',
    media.thumbnails ? 'thumbnails' : '',
    media.hashes ? 'hashes' : '',
    media.dedup === 'off'
      ? ''
      : media.dedup === 'hardlink'
        ? 'the same content is kept once'
        : 'the same content is left out',
  ].filter((text) => text !== '');
  const rows: (readonly [string, ReactNode])[] = [
    ['From', <Lines key="from" lines={[sync.source]} />],
    ['To', <Lines key="to" lines={sync.destinations} />],
    [
      'Folders',
      folders.length === 0 ? (
        'All of it'
      ) : (
        <Lines
          key="folders"
          lines={folders.map((each) => folderName(typeof each === 'string' ? { from: each, to: each } : each))}
        />
      ),
    ],
  ];
  if (form.include !== '') rows.push(['Only', <Lines key="include" lines={form.include.split('\n')} />]);
  if (form.exclude !== '') rows.push(['Not', <Lines key="exclude" lines={form.exclude.split('\n')} />]);
  rows.push([
    'What is gone',
    form.delete
      ? `Deleted at the destination${form.maxDelete === '' ? '' : `, nothing where it would be more than ${form.maxDelete}`}`
      : 'Stays at the destination',
  ]);
  if (made.length > 0) rows.push(['Pictures', made.join(', ')]);
  if (cleanup !== null) {
    const kept = cleanup.preservePatterns.length;
    rows.push([
      'Cleanup',
      `Proven files older than ${span(cleanup.ageHours * 3600)} are deleted at the source${kept > 0 ? `, but for ${counted(kept, 'pattern')}` : ''}`,
    ]);
  }
  if (form.bandwidth !== '') rows.push(['Limit', form.bandwidth]);
  return (
    <Section title="What it was asked for">
      <Facts rows={rows} />
    </Section>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <ul className="font-mono text-12">
      {lines.map((line) => (
        <li key={line} className="wrap-anywhere leading-5">
          {line}
        </li>
      ))}
    </ul>
  );
}
