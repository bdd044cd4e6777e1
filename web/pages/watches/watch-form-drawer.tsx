// Makes a watch, or changes one: which folder, where to, what becomes of the source, which files and by which rules.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { WatchView } from '../../../src/model/watch-views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { note } from '../../live/notes.ts';
import { watchesKey } from '../../live/use-watches.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { CheckField, LinesField, RadioField, SelectField, TextField } from '../../parts/fields.tsx';
import { Section } from '../../parts/section.tsx';
import { FolderField } from '../../pickers/folder-field.tsx';
import { noPlace } from '../../pickers/picked-path.ts';
import { go } from '../../router.ts';
import { RulesEditor } from './rules-editor.tsx';
import type { WatchForm } from './watch-form.ts';
import { bodyFrom, emptyForm, formFrom, stillMissing } from './watch-form.ts';

const afterwards = [
  ['delete', 'Move: delete the source once it is proven at every destination'],
  ['keep', 'Copy: the source stays where it is'],
  ['move-to', 'Put the source into another folder once it is proven'],
] as const;

const conflicts = [
  ['rename', 'Keep both: give the new one a number'],
  ['overwrite', 'Replace what differs'],
  ['newer', 'Replace only older ones'],
  ['skip', 'Leave the old one'],
  ['fail', 'Stop that file and say so'],
] as const;

export function WatchFormDrawer({ watch, onClose }: { watch: WatchView | undefined; onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState<WatchForm>(() => (watch === undefined ? emptyForm : formFrom(watch)));
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<WatchForm>) => setForm((before) => ({ ...before, ...change }));
  const missing = stillMissing(form);
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = bodyFrom(form);
      const saved =
        watch === undefined
          ? await api.call('createWatch', { body })
          : await api.call('editWatch', { params: { id: watch.id }, body });
      await queries.invalidateQueries({ queryKey: watchesKey });
      note('info', watch === undefined ? 'The folder is watched.' : 'The watch is changed.');
      go(`/watches/${saved.id}`, { replace: true });
    } catch (error) {
      setProblem(asFault(error).message);
    } finally {
      setBusy(false);
    }
  };
  const title = watch === undefined ? 'Watch a folder' : 'Change the watch';
  return (
    <Drawer
      title={title}
      label={title}
      onClose={onClose}
      footer={
        <div className="flex flex-col gap-2">
          {problem !== undefined && (
            <p role="alert" className="text-needs">
              {problem}
            </p>
          )}
          <div className="flex items-center gap-2">
            <Button weight="strong" disabled={missing !== undefined || busy} onClick={() => void save()}>
              {watch === undefined ? 'Start watching' : 'Save'}
            </Button>
            <Button onClick={onClose}>Close</Button>
            {missing !== undefined && <span className="text-ink-faint">{missing}</span>}
          </div>
        </div>
      }
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
        <Destinations form={form} set={set} />
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
          <LinesField
            label="Only these (globs, one a line; empty: all)"
            value={form.include}
            onChange={(include) => set({ include })}
            placeholder="**/*.mxf"
          />
          <LinesField
            label="Not these"
            value={form.exclude}
            onChange={(exclude) => set({ exclude })}
            placeholder="**/*.tmp"
          />
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
    </Drawer>
  );
}

interface PartProps {
  form: WatchForm;
  set: (change: Partial<WatchForm>) => void;
}

function Destinations({ form, set }: PartProps) {
  const change = (at: number, value: WatchForm['source'] | undefined) =>
    set({ destinations: form.destinations.flatMap((each, index) => (index === at ? (value ?? []) : each)) });
  return (
    <div className="flex flex-col gap-3">
      {form.destinations.map((destination, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the fields have no other identity than their place
        <div key={at} className="flex items-start gap-1">
          <div className="min-w-0 flex-1">
            <FolderField
              label={form.destinations.length > 1 ? `Destination ${at + 1}` : 'Destination'}
              value={destination}
              onChange={(value) => change(at, value)}
            />
          </div>
          {form.destinations.length > 1 && (
            <IconButton
              icon="close"
              label={`Leave out destination ${at + 1}`}
              className="mt-6"
              onClick={() => change(at, undefined)}
            />
          )}
        </div>
      ))}
      <Button icon="plus" className="self-start" onClick={() => set({ destinations: [...form.destinations, noPlace] })}>
        One more destination
      </Button>
    </div>
  );
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
