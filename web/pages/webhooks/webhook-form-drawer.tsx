// Makes a webhook, or changes one: its name, its address, and which events it is told of.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { WebhookView } from '../../../src/model/webhook-views.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { note } from '../../live/notes.ts';
import { webhooksKey } from '../../live/use-webhooks.ts';
import { CheckField, LinesField, TextField } from '../../parts/fields.tsx';
import { Section } from '../../parts/section.tsx';
import { go } from '../../router.ts';
import { usualEvents } from '../../words/webhooks.ts';

interface WebhookForm {
  readonly name: string;
  readonly url: string;
  readonly events: ReadonlySet<string>;
  /** Names that no box stands for, one a line. */
  readonly others: string;
  readonly allowPrivate: boolean;
}

const boxed = new Set(usualEvents.flatMap(([, names]) => names));

const emptyForm: WebhookForm = {
  name: '',
  url: '',
  events: new Set(usualEvents.slice(0, 2).flatMap(([, names]) => names)),
  others: '',
  allowPrivate: false,
};

function formFrom({ name, url, events, allowPrivate }: WebhookView): WebhookForm {
  return {
    ...{ name, url, allowPrivate },
    events: new Set(events.filter((event) => boxed.has(event))),
    others: events.filter((event) => !boxed.has(event)).join('\n'),
  };
}

function eventsOf({ events, others }: WebhookForm): string[] {
  const lines = others.split('\n').map((line) => line.trim());
  return [...new Set([...events, ...lines.filter((line) => line !== '')])];
}

interface WebhookFormDrawerProps {
  webhook: WebhookView | undefined;
  onMade: (made: { readonly id: string; readonly secret: string }) => void;
  onClose: () => void;
}

export function WebhookFormDrawer({ webhook, onMade, onClose }: WebhookFormDrawerProps) {
  const queries = useQueryClient();
  const [form, setForm] = useState<WebhookForm>(() => (webhook === undefined ? emptyForm : formFrom(webhook)));
  const set = (change: Partial<WebhookForm>) => setForm((before) => ({ ...before, ...change }));
  const events = eventsOf(form);
  const missing =
    form.url.trim() === '' ? 'It needs an address.' : events.length === 0 ? 'It needs an event.' : undefined;
  const save = async () => {
    const url = form.url.trim();
    const name = form.name.trim() === '' && URL.canParse(url) ? new URL(url).host : form.name.trim();
    const body = { name, url, events, allowPrivate: form.allowPrivate };
    if (webhook === undefined) {
      const created = await api.call('createWebhook', { body });
      onMade({ id: created.id, secret: created.secret });
      await queries.invalidateQueries({ queryKey: webhooksKey });
      go(`/webhooks/${created.id}`, { replace: true });
    } else {
      await api.call('editWebhook', { params: { id: webhook.id }, body });
      await queries.invalidateQueries({ queryKey: webhooksKey });
      note('info', 'The webhook is changed.');
      go(`/webhooks/${webhook.id}`, { replace: true });
    }
  };
  return (
    <FormDrawer
      title={webhook === undefined ? 'Add a webhook' : 'Change the webhook'}
      verb={webhook === undefined ? 'Add it' : 'Save'}
      missing={missing}
      onSend={save}
      onClose={onClose}
    >
      <Section title="Who is told">
        <div className="flex flex-col gap-3">
          <TextField
            label="Address"
            value={form.url}
            onChange={(url) => set({ url })}
            placeholder="https://desk.example/hook"
          />
          <TextField
            label="Name (empty: its host)"
            value={form.name}
            onChange={(name) => set({ name })}
            placeholder="News desk"
          />
          <CheckField
            label="It may be at a private or loopback address"
            checked={form.allowPrivate}
            onChange={(allowPrivate) => set({ allowPrivate })}
          />
        </div>
      </Section>
      <Section title="Of what">
        <div className="mb-3 flex flex-col">
          {usualEvents.map(([label, names]) => (
            <CheckField
              key={label}
              label={label}
              checked={names.every((name) => form.events.has(name))}
              onChange={(checked) => {
                const next = new Set(form.events);
                for (const name of names) {
                  if (checked) next.add(name);
                  else next.delete(name);
                }
                set({ events: next });
              }}
            />
          ))}
        </div>
        <LinesField
          label="Others, by name, one a line; * at the end stands for any ending"
          value={form.others}
          onChange={(others) => set({ others })}
          placeholder="observation.transfer.*"
        />
      </Section>
    </FormDrawer>
  );
}
