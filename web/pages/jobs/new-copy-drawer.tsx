// A new copy: what, where to, how; a look at what would happen; and the start.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { JobView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { learnJobs } from '../../live/live-store.ts';
import { note } from '../../live/notes.ts';
import { jobsKey } from '../../live/use-jobs.ts';
import { IconButton } from '../../parts/button.tsx';
import { CheckField, SelectField, TextField } from '../../parts/fields.tsx';
import { Section } from '../../parts/section.tsx';
import { FolderBrowser } from '../../pickers/folder-browser.tsx';
import { FolderField } from '../../pickers/folder-field.tsx';
import type { PickedPath } from '../../pickers/picked-path.ts';
import { keyOf, noPlace } from '../../pickers/picked-path.ts';
import { go } from '../../router.ts';
import { counted } from '../../words/amounts.ts';
import { conflicts } from '../../words/conflicts.ts';
import type { CopyChoices } from './copy-requests.ts';
import { copyRequests } from './copy-requests.ts';
import { PlanPreview } from './plan-preview.tsx';

const untouched: Omit<CopyChoices, 'sources'> = {
  destination: noPlace,
  keepFolders: true,
  conflict: 'rename',
  move: false,
  checksum: false,
  bandwidth: '',
};

export function NewCopyDrawer({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [picked, setPicked] = useState<ReadonlyMap<string, PickedPath>>(new Map());
  const [rest, setRest] = useState(untouched);
  const [key] = useState(newKey);
  const choices: CopyChoices = { ...rest, sources: [...picked.values()] };
  const requests = copyRequests(choices);
  const set = (change: Partial<CopyChoices>) => setRest((before) => ({ ...before, ...change }));
  const toggle = (entry: PickedPath) => {
    const next = new Map(picked);
    if (!next.delete(keyOf(entry))) next.set(keyOf(entry), entry);
    setPicked(next);
  };
  const start = async () => {
    const jobs: JobView[] = [];
    for (const [at, body] of requests.entries()) {
      jobs.push(await api.call('createJob', { body }, { idempotencyKey: `${key}-${at}` }));
    }
    learnJobs(jobs);
    await queries.invalidateQueries({ queryKey: jobsKey });
    note('info', jobs.length === 1 ? 'The copy has begun.' : `${jobs.length} copies have begun.`);
    const only = jobs.length === 1 ? jobs[0] : undefined;
    go(only === undefined ? '/jobs' : `/jobs/${only.id}`);
  };
  return (
    <FormDrawer
      title="Copy files"
      verb={choices.move ? 'Start moving' : 'Start copying'}
      ready={requests.length > 0}
      onSend={start}
      onClose={onClose}
    >
      <Section title="What">
        <FolderBrowser label="What to copy" pick="several" picked={picked} onToggle={toggle} />
        <PickedList picked={choices.sources} onRemove={toggle} />
      </Section>
      <Section title="Where to">
        <FolderField
          label="Destination folder; it is made if it is not there"
          value={choices.destination}
          onChange={(destination) => set({ destination })}
          open
        />
        {choices.sources.some((source) => source.kind === 'folder') && (
          <CheckField
            label="Folders arrive under their own names"
            checked={choices.keepFolders}
            onChange={(keepFolders) => set({ keepFolders })}
          />
        )}
      </Section>
      <Section title="How">
        <div className="flex flex-col gap-3">
          <SelectField
            label="Where a file of that name is there already"
            value={choices.conflict}
            options={conflicts}
            onChange={(conflict) => set({ conflict })}
          />
          <CheckField
            label="Move: delete each source once its copy is proven"
            checked={choices.move}
            onChange={(move) => set({ move })}
          />
          <CheckField
            label="Compare contents by hash where size and time agree"
            checked={choices.checksum}
            onChange={(checksum) => set({ checksum })}
          />
          <TextField
            label="Limit of this copy, such as 10MB (empty: none)"
            value={choices.bandwidth}
            onChange={(bandwidth) => set({ bandwidth })}
          />
        </div>
      </Section>
      {requests.length > 0 && (
        <Section title="What would happen">
          <PlanPreview requests={requests} />
        </Section>
      )}
    </FormDrawer>
  );
}

function PickedList({ picked, onRemove }: { picked: readonly PickedPath[]; onRemove: (entry: PickedPath) => void }) {
  if (picked.length === 0) return <p className="mt-2 text-ink-faint">Nothing picked yet.</p>;
  return (
    <div className="mt-2">
      <p className="text-ink-soft">{pickedWords(picked)} picked</p>
      <ul className="max-h-32 overflow-y-auto">
        {picked.map((entry) => (
          <li key={keyOf(entry)} className="flex items-center gap-1">
            <span className="min-w-0 flex-1 truncate font-mono text-12" title={entry.path}>
              {entry.path}
            </span>
            <IconButton icon="close" label={`Leave out ${entry.path}`} onClick={() => onRemove(entry)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function pickedWords(picked: readonly PickedPath[]): string {
  const folders = picked.filter((entry) => entry.kind === 'folder').length;
  const files = picked.length - folders;
  return [folders > 0 ? counted(folders, 'folder') : '', files > 0 ? counted(files, 'file') : '']
    .filter((words) => words !== '')
    .join(' and ');
}

/** The same press of the button is carried out once, however often the network made it go out. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
