// Makes a sync, or changes one: from where, where to, when, which files, what becomes of what is gone, and what it would do now.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { SyncView } from '../../../src/model/sync-views.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { note } from '../../live/notes.ts';
import { syncsKey } from '../../live/use-syncs.ts';
import { Button } from '../../parts/button.tsx';
import { CheckField, LinesField, RadioField, SelectField, TextField } from '../../parts/fields.tsx';
import { GlobFields } from '../../parts/glob-fields.tsx';
import { Section } from '../../parts/section.tsx';
import { DestinationsField } from '../../pickers/destinations-field.tsx';
import { PlaceField } from '../../pickers/place-field.tsx';
import { go } from '../../router.ts';
import { conflicts } from '../../words/conflicts.ts';
import { scheduleWords } from '../../words/schedules.ts';
import type { Media, Rhythm, SyncBody, SyncForm } from './sync-form.ts';
import { bodyFrom, emptyForm, formFrom, scheduleOf, stillMissing } from './sync-form.ts';
import { SyncPlan } from './sync-plan.tsx';

const rhythms: readonly (readonly [Rhythm, string])[] = [
  ['minutes', 'Every few minutes'],
  ['daily', 'Every day'],
  ['cron', 'By a cron expression'],
  ['never', 'Only when somebody starts it'],
];

const transports = [
  ['auto', 'The best that both sides have'],
  ['rsync', 'rsync'],
  ['sftp', 'SFTP'],
  ['tar', 'tar over SSH'],
] as const;

const duplicates = [
  ['off', 'Keep it twice'],
  ['hardlink', 'Keep it once, under both names'],
  ['skip', 'Leave it out'],
] as const;

export function SyncFormDrawer({ sync, onClose }: { sync: SyncView | undefined; onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState<SyncForm>(() => (sync === undefined ? emptyForm : formFrom(sync)));
  const set = (change: Partial<SyncForm>) => setForm((before) => ({ ...before, ...change }));
  const missing = stillMissing(form);
  const save = async () => {
    const body = bodyFrom(form);
    const saved =
      sync === undefined
        ? await api.call('createSync', { body })
        : await api.call('editSync', { params: { id: sync.id }, body });
    await queries.invalidateQueries({ queryKey: syncsKey });
    note('info', sync === undefined ? 'The sync is kept.' : 'The sync is changed.');
    go(`/syncs/${saved.id}`, { replace: true });
  };
  return (
    <FormDrawer
      title={sync === undefined ? 'Sync folders' : 'Change the sync'}
      verb={sync === undefined ? 'Keep this sync' : 'Save'}
      missing={missing}
      onSend={save}
      onClose={onClose}
    >
      <Section title="From where">
        <div className="flex flex-col gap-3">
          <TextField
            label="Name"
            value={form.name}
            onChange={(name) => set({ name })}
            placeholder="Renders of the week"
          />
          <PlaceField label="Source" value={form.source} onChange={(source) => set({ source })} />
          <LinesField
            label="Only these folders, one a line (empty: all of it); a -> b gives a folder another name"
            value={form.folders}
            onChange={(folders) => set({ folders })}
            placeholder="txt2img-images -> pictures"
          />
        </div>
      </Section>
      <Section title="Where to">
        <DestinationsField value={form.destinations} onChange={(destinations) => set({ destinations })}>
          {(label, value, onChange) => <PlaceField label={label} value={value} onChange={onChange} />}
        </DestinationsField>
      </Section>
      <Section title="When">
        <When form={form} set={set} />
      </Section>
      <Section title="Which files">
        <div className="flex flex-col gap-3">
          <GlobFields include={form.include} exclude={form.exclude} example="**/*.png" onChange={set} />
          <CheckField
            label="Compare contents by hash where size and time agree"
            checked={form.checksum}
            onChange={(checksum) => set({ checksum })}
          />
        </div>
      </Section>
      <Section title="What is gone at the source">
        <CheckField
          label="Delete it at the destination, too"
          checked={form.delete}
          onChange={(deletes) => set({ delete: deletes })}
        />
        {form.delete && (
          <div className="mt-1 flex flex-col gap-2">
            <TextField
              label="Delete nothing where it would be more than, such as 100 or 10%"
              placeholder="No bound, as long as anything is left at the source"
              value={form.maxDelete}
              onChange={(maxDelete) => set({ maxDelete })}
            />
            <CheckField
              label="Rename at the destination what was renamed at the source"
              checked={form.detectRenames}
              onChange={(detectRenames) => set({ detectRenames })}
            />
          </div>
        )}
      </Section>
      <Section title="Pictures and films">
        <MediaFields media={form.media} onChange={(media) => set({ media: { ...form.media, ...media } })} />
      </Section>
      <Section title="Cleanup at the source">
        <Cleanup form={form} set={set} />
      </Section>
      <Section title="How">
        <How form={form} set={set} />
      </Section>
      <Section title="What it would do now">
        <Preview ready={missing === undefined} body={() => bodyFrom(form)} />
      </Section>
    </FormDrawer>
  );
}

interface PartProps {
  form: SyncForm;
  set: (change: Partial<SyncForm>) => void;
}

function When({ form, set }: PartProps) {
  return (
    <div className="flex flex-col gap-3">
      <RadioField label="It runs" value={form.rhythm} options={rhythms} onChange={(rhythm) => set({ rhythm })} />
      {form.rhythm === 'minutes' && (
        <TextField label="Every" value={form.minutes} unit="min" onChange={(minutes) => set({ minutes })} />
      )}
      {form.rhythm === 'daily' && (
        <TextField label="At" value={form.time} onChange={(time) => set({ time })} placeholder="02:00" />
      )}
      {form.rhythm === 'cron' && (
        <>
          <TextField
            label="Minute, hour, day, month, weekday"
            value={form.cron}
            onChange={(cron) => set({ cron })}
            placeholder="0 9 * * 1-5"
          />
          <TextField
            label="Time zone, such as Europe/Berlin (empty: that of the daemon’s machine)"
            value={form.timezone}
            onChange={(timezone) => set({ timezone })}
          />
          {form.cron.trim() !== '' && <p className="text-ink-soft">{scheduleWords(scheduleOf(form))}</p>}
        </>
      )}
      {form.rhythm !== 'never' && (
        <CheckField
          label="The schedule is in force (else it rests)"
          checked={form.enabled}
          onChange={(enabled) => set({ enabled })}
        />
      )}
    </div>
  );
}

function MediaFields({ media, onChange }: { media: Media; onChange: (change: Partial<Media>) => void }) {
  return (
    <div className="flex flex-col gap-1">
      <CheckField
        label="Read what they say of themselves: size, EXIF, prompt, seed, model"
        checked={media.metadata}
        onChange={(metadata) => onChange({ metadata })}
      />
      <CheckField
        label="Write it beside each as an XMP sidecar"
        checked={media.xmp}
        onChange={(xmp) => onChange({ xmp })}
      />
      {media.xmp && (
        <CheckField
          label="Overwrite sidecars that are there"
          checked={media.overwriteXmp}
          onChange={(overwriteXmp) => onChange({ overwriteXmp })}
        />
      )}
      <CheckField
        label="Make thumbnails"
        checked={media.thumbnails}
        onChange={(thumbnails) => onChange({ thumbnails })}
      />
      <CheckField label="Calculate hashes" checked={media.hashes} onChange={(hashes) => onChange({ hashes })} />
      <div className="mt-2">
        <SelectField
          label="What stands at the destination already under another name"
          value={media.dedup}
          options={duplicates}
          onChange={(dedup) => onChange({ dedup })}
        />
      </div>
    </div>
  );
}

function Cleanup({ form, set }: PartProps) {
  return (
    <>
      <CheckField
        label="After each run delete old files at the source that are proven at the destination"
        checked={form.cleans}
        onChange={(cleans) => set({ cleans })}
      />
      {form.cleans && (
        <div className="mt-1 flex flex-col gap-3">
          <TextField label="Older than" value={form.ageHours} unit="h" onChange={(ageHours) => set({ ageHours })} />
          <LinesField
            label="Never these (globs, one a line)"
            value={form.preserve}
            onChange={(preserve) => set({ preserve })}
            placeholder="**/*.safetensors"
          />
          <p className="text-waits">
            Once it is saved, “What it would delete now” shows the exact list before anything goes.
          </p>
        </div>
      )}
    </>
  );
}

function How({ form, set }: PartProps) {
  return (
    <div className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-3">
        <TextField label="Folders at once" value={form.parallel} onChange={(parallel) => set({ parallel })} />
        <TextField
          label="Limit, such as 10MB"
          value={form.bandwidth}
          onChange={(bandwidth) => set({ bandwidth })}
          placeholder="None"
        />
      </div>
      <SelectField
        label="Where a file of that name is there and differs"
        value={form.conflict}
        options={conflicts}
        onChange={(conflict) => set({ conflict })}
      />
      {form.source.text.startsWith('ssh://') || form.destinations.some(({ text }) => text.startsWith('ssh://')) ? (
        <SelectField
          label="How files of a host are reached"
          value={form.transport}
          options={transports}
          onChange={(transport) => set({ transport })}
        />
      ) : null}
    </div>
  );
}

/** Looks at both places, which may take a while: only when somebody asks. */
function Preview({ ready, body }: { ready: boolean; body: () => SyncBody }) {
  const [asked, setAsked] = useState<SyncBody>();
  return (
    <div className="flex flex-col gap-3">
      <Button icon="search" className="self-start" disabled={!ready} onClick={() => setAsked(body())}>
        {asked === undefined ? 'Show the plan' : 'Look again'}
      </Button>
      {asked !== undefined && (
        <SyncPlan asked={asked} ask={(signal) => api.lines('planUnsavedSync', { body: asked }, { signal })} />
      )}
    </div>
  );
}
