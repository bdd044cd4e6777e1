// Makes a watch, or changes one: which folder, where to, what becomes of the source, which files and by which rules.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { WatchView } from '../../../src/model/watch-views.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { note } from '../../live/notes.ts';
import { watchesKey } from '../../live/use-watches.ts';
import { CheckField, RadioField, SelectField, TextField } from '../../parts/fields.tsx';
import { GlobFields } from '../../parts/glob-fields.tsx';
import { Section } from '../../parts/section.tsx';
import { DestinationsField } from '../../pickers/destinations-field.tsx';
import { FolderField } from '../../pickers/folder-field.tsx';
import { go } from '../../router.ts';
import { conflicts } from '../../words/conflicts.ts';
import { RulesEditor } from './rules-editor.tsx';
import type { WatchForm } from './watch-form.ts';
import { bodyFrom, emptyForm, formFrom, stillMissing } from './watch-form.ts';

const afterwards = [
  ['delete', 'Move: delete the source once it is proven at every destination'],
  ['keep', 'Copy: the source stays where it is'],
  ['move-to', 'Put the source into another folder once it is proven'],
] as const;

export function WatchFormDrawer({ watch, onClose }: { watch: WatchView | undefined; onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState<WatchForm>(() => (watch === undefined ? emptyForm : formFrom(watch)));
  const set = (change: Partial<WatchForm>) => setForm((before) => ({ ...before, ...change }));
  const missing = stillMissing(form);
  const save = async () => {
    const body = bodyFrom(form);
    const saved =
      watch === undefined
        ? await api.call('createWatch', { body })
        : await api.call('editWatch', { params: { id: watch.id }, body });
    await queries.invalidateQueries({ queryKey: watchesKey });
    note('info', watch === undefined ? 'The folder is watched.' : 'The watch is changed.');
    go(`/watches/${saved.id}`, { replace: true });
  };
  return (
    <FormDrawer
      title={watch === undefined ? 'Watch a folder' : 'Change the watch'}
      verb={watch === undefined ? 'Start watching' : 'Save'}
      missing={missing}
      onSend={save}
      onClose={onClose}
    >
      <Section title="Which folder">
        <FolderField
          label="Folder to watch"
          value={form.source}
          onChange={(source) => set({ source })}
          open={watch === undefined}
        />
      </Section>
      <Section title="Where to">
        <DestinationsField value={form.destinations} onChange={(destinations) => set({ destinations })}>
          {(label, value, onChange) => <FolderField label={label} value={value} onChange={onChange} />}
        </DestinationsField>
      </Section>
      <Section title="Afterwards">
        <RadioField
          label="What becomes of the source"
          value={form.after}
          options={afterwards}
          onChange={(after) => set({ after })}
        />
        {form.after === 'move-to' && (
          <FolderField label="Put it into" value={form.moveTo} onChange={(moveTo) => set({ moveTo })} />
        )}
      </Section>
      <Section title="Which files">
        <div className="flex flex-col gap-3">
          <GlobFields include={form.include} exclude={form.exclude} example="**/*.mxf" onChange={set} />
          <TextField
            label="A file is done when this one is there too"
            value={form.doneMarker}
            onChange={(doneMarker) => set({ doneMarker })}
            placeholder="{name}.done"
          />
          <CheckField
            label="Take each folder below it as one set, as a whole"
            checked={form.bundle}
            onChange={(bundle) => set({ bundle })}
          />
        </div>
      </Section>
      <Section title="Where each file goes">
        <RulesEditor form={form} onChange={(rules) => set({ rules })} />
      </Section>
      <Section title="How">
        <How form={form} set={set} />
      </Section>
    </FormDrawer>
  );
}

interface PartProps {
  form: WatchForm;
  set: (change: Partial<WatchForm>) => void;
}

function How({ form, set }: PartProps) {
  const { growing } = form;
  const grow = (change: Partial<WatchForm['growing']>) => set({ growing: { ...growing, ...change } });
  return (
    <div className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="Stable when unchanged for"
          value={form.stableSeconds}
          unit="s"
          onChange={(stableSeconds) => set({ stableSeconds })}
        />
        <TextField
          label="Scan every"
          value={form.scanSeconds}
          unit="s"
          onChange={(scanSeconds) => set({ scanSeconds })}
        />
        <TextField
          label="Copy while it grows, from"
          value={String(growing.minSize / 1e6)}
          unit="MB"
          onChange={(text) => grow({ minSize: megabytes(text) })}
        />
        <TextField
          label="Stay behind the writer by"
          value={String(growing.safetyMargin / 1e6)}
          unit="MB"
          onChange={(text) => grow({ safetyMargin: megabytes(text) })}
        />
      </div>
      <CheckField
        label="Let it be read at the destination while it grows (edit while ingest)"
        checked={growing.readable}
        onChange={(readable) => grow({ readable })}
      />
      <SelectField
        label="Where a file of that name is there already"
        value={form.conflict}
        options={conflicts}
        onChange={(conflict) => set({ conflict })}
      />
      <TextField
        label="Limit of this watch, such as 10MB (empty: none)"
        value={form.bandwidth}
        onChange={(bandwidth) => set({ bandwidth })}
      />
    </div>
  );
}

function megabytes(text: string): number {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) && value > 0 ? Math.round(value * 1e6) : 0;
}
