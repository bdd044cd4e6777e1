// Asks for an offload: which files were chosen, where they go, what they go through, which key they get, what becomes of them on the device.

import { useState } from 'react';
import type { DeviceView } from '../../../src/model/device-views.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { learnJobs } from '../../live/live-store.ts';
import { note } from '../../live/notes.ts';
import { useOffloadSettings } from '../../live/use-devices.ts';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Section } from '../../parts/section.tsx';
import { FolderField } from '../../pickers/folder-field.tsx';
import { exactPicked, exactPlace, noPlace, type PlaceInput } from '../../pickers/picked-path.ts';
import { go } from '../../router.ts';
import { counted } from '../../words/amounts.ts';
import type { Selection } from './file-selection.ts';

interface OffloadForm {
  readonly downloadDir: PlaceInput;
  readonly processedDir: PlaceInput;
  /** '' takes the first that fits. */
  readonly pipeline: string;
  readonly key: string;
  readonly deleteAfter: '' | '1' | '2' | '3';
}

const untouched: OffloadForm = { downloadDir: noPlace, processedDir: noPlace, pipeline: '', key: '', deleteAfter: '' };

const deletions = [
  ['', 'Never: they stay on the device'],
  ['1', 'After one proven copy'],
  ['2', 'After two proven copies'],
  ['3', 'After three proven copies'],
] as const;

interface OffloadDrawerProps {
  device: DeviceView;
  selection: Selection;
  onClose: () => void;
}

export function OffloadDrawer({ device, selection, onClose }: OffloadDrawerProps) {
  const { data: settings } = useOffloadSettings();
  const [form, setForm] = useState(untouched);
  const set = (change: Partial<OffloadForm>) => setForm((before) => ({ ...before, ...change }));
  const folder = (place: PlaceInput) => (place.text.trim() === '' ? null : exactPlace(place));
  const start = async () => {
    const body = {
      device: device.id,
      files:
        typeof selection === 'string'
          ? ('all' as const)
          : [...selection.values()].map((file) => exactPicked({ ...file, kind: 'file' })),
      downloadDir: folder(form.downloadDir),
      processedDir: folder(form.processedDir),
      pipeline: form.pipeline === '' ? null : form.pipeline,
      associateWith: form.key.trim() === '' ? null : form.key.trim(),
      deleteAfterCopies: form.deleteAfter === '' ? null : Number(form.deleteAfter),
    };
    const job = await api.call('queueBatch', { body });
    learnJobs([job]);
    note('info', 'The offload has begun.');
    go(`/jobs/${job.id}`);
  };
  const missing =
    settings?.downloadDir === null && form.downloadDir.text.trim() === '' ? 'Choose where the files go.' : undefined;
  const pipelines = [
    ['', 'The first that fits the file'],
    ...(settings?.pipelines ?? []).map(({ name, steps }) => [name, `${name}: ${steps.join(', ')}`] as const),
    ['none', 'None: only download'],
  ] as const;
  return (
    <FormDrawer
      title={`Offload ${device.name}`}
      verb="Start offloading"
      missing={missing}
      leave="Back"
      onSend={start}
      onClose={onClose}
    >
      <Section title="What">
        <p>{wordsOf(selection)}</p>
      </Section>
      <Section title="Where to">
        <div className="flex flex-col gap-3">
          <FolderField
            label={defaultLabel('Originals', settings?.downloadDir)}
            value={form.downloadDir}
            onChange={(downloadDir) => set({ downloadDir })}
          />
          {form.pipeline !== 'none' && (
            <FolderField
              label={defaultLabel('Results of processing', settings?.processedDir)}
              value={form.processedDir}
              onChange={(processedDir) => set({ processedDir })}
            />
          )}
        </div>
      </Section>
      <Section title="What they go through">
        <SelectField
          label="Pipeline"
          value={form.pipeline}
          options={pipelines}
          onChange={(pipeline) => set({ pipeline })}
        />
      </Section>
      <Section title="What they belong to">
        <TextField
          label="Key, such as a flight or a shoot (empty: none)"
          value={form.key}
          onChange={(key) => set({ key })}
        />
      </Section>
      <Section title="Afterwards">
        <SelectField
          label="Delete the files on the device"
          value={form.deleteAfter}
          options={deletions}
          onChange={(deleteAfter) => set({ deleteAfter })}
        />
        {form.deleteAfter !== '' && (
          <p className="mt-2 text-waits">
            A file is deleted on {device.name} once so many copies of it are proven, and only if it has not changed
            since.
          </p>
        )}
      </Section>
    </FormDrawer>
  );
}

function wordsOf(selection: Selection): string {
  if (selection === 'new') return 'All files that have not been taken before.';
  if (selection === 'all') return 'All files; what was taken before is not taken twice.';
  return `${counted(selection.size, 'file')}, chosen by hand, with what belongs to ${selection.size === 1 ? 'it' : 'them'}.`;
}

function defaultLabel(what: string, folder: string | null | undefined): string {
  return folder == null ? what : `${what} (empty: ${folder})`;
}
