// Sends files: to whom, and from where: dropped, picked, a whole folder, a phone's pictures.

import { useRef } from 'react';
import type { RoomMemberView } from '../../../src/peer/room-client.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { Icon } from '../../parts/icon.tsx';
import { size } from '../../words/amounts.ts';
import { namesOf } from '../../words/rooms.ts';
import { fromList } from './picked-files.ts';
import { useDesk, useRoom } from './use-room.ts';

interface SendPanelProps {
  others: readonly RoomMemberView[];
  receivers: readonly RoomMemberView[];
  /** Undefined: everybody who is there. */
  chosen: ReadonlySet<string> | undefined;
  onChoose: (chosen: ReadonlySet<string> | undefined) => void;
  maySend: boolean;
  onInvite: () => void;
}

export function SendPanel({ others, receivers, chosen, onChoose, maySend, onInvite }: SendPanelProps) {
  const view = useRoom();
  if (!view.me.permissions.canShareFiles) {
    return (
      <section aria-label="Send" className="rounded border border-line px-4 py-3 text-ink-soft">
        You receive files in this room. To send some, ask {namesOf(view.members.filter(({ role }) => role === 'host'))}{' '}
        to let you.
      </section>
    );
  }
  if (others.length === 0) {
    return (
      <section aria-label="Send" className="flex flex-col items-start gap-3 rounded border border-line px-4 py-6">
        <h2 className="text-16 font-semibold">Nobody else is here yet</h2>
        <p className="text-ink-soft">Give somebody the link of this room, or let a phone read it from this screen.</p>
        <Button weight="strong" icon="plus" onClick={onInvite}>
          Show the link
        </Button>
      </section>
    );
  }
  return (
    <section
      aria-label="Send"
      className="flex flex-col gap-4 rounded border border-dashed border-line-strong px-4 py-5"
    >
      <div className="flex items-center gap-3">
        <Icon name="transfers" className="size-6 text-ink-soft narrow:hidden" />
        <div className="min-w-0 flex-1">
          <h2 className="text-16 font-semibold">
            <span className="coarse:hidden">Drop files anywhere on this page</span>
            <span className="hidden coarse:inline">Send files</span>
          </h2>
          <p className="text-ink-soft">
            To {namesOf(receivers)}, up to {size(view.room.maxFileBytes)} each. They are asked first.
          </p>
        </div>
      </div>
      <Pickers receivers={receivers} maySend={maySend} />
      {others.length > 1 && <Receivers others={others} chosen={chosen} onChoose={onChoose} />}
    </section>
  );
}

function Receivers({ others, chosen, onChoose }: Pick<SendPanelProps, 'others' | 'chosen' | 'onChoose'>) {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next.size === 0 ? undefined : next);
  };
  return (
    <fieldset className="flex max-h-40 flex-wrap gap-1.5 overflow-y-auto">
      <legend className="mb-1.5 text-12 text-ink-soft">Who gets them</legend>
      <Chip on={chosen === undefined} onClick={() => onChoose(undefined)}>
        Everybody who is here
      </Chip>
      {others.map(({ id, name, present }) => (
        <Chip key={id} on={chosen?.has(id) ?? false} onClick={() => toggle(id)}>
          <span className="max-w-40 truncate">{name}</span>
          {!present && <span className="font-normal">(away)</span>}
        </Chip>
      ))}
    </fieldset>
  );
}

function Pickers({ receivers, maySend }: Pick<SendPanelProps, 'receivers' | 'maySend'>) {
  const ready = maySend && receivers.length > 0;
  // What waits for an answer has the strong button.
  const isAsked = useRoom().transfers.some(({ part, status }) => part === 'receiving' && status === 'pending');
  return (
    <div className="flex flex-wrap gap-2">
      <Picker label="Choose files" icon="file" strong={!isAsked} {...{ receivers, ready }} />
      <Picker label="Choose a folder" icon="folder" folder {...{ receivers, ready }} />
      <span className="hidden coarse:contents">
        <Picker label="Photos and videos" icon="image" accept="image/*,video/*" {...{ receivers, ready }} />
      </span>
    </div>
  );
}

interface PickerProps {
  label: string;
  icon: 'file' | 'folder' | 'image';
  strong?: boolean;
  folder?: boolean;
  accept?: string;
  receivers: readonly RoomMemberView[];
  ready: boolean;
}

function Picker({ label, icon, strong = false, folder = false, accept, receivers, ready }: PickerProps) {
  const desk = useDesk();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button icon={icon} weight={strong ? 'strong' : 'plain'} disabled={!ready} onClick={() => input.current?.click()}>
        {label}
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={label}
        accept={accept}
        {...(folder ? { webkitdirectory: '' } : {})}
        onChange={({ currentTarget }) => {
          const files = fromList(currentTarget.files ?? []);
          // The same file can be picked again.
          currentTarget.value = '';
          void desk.send(
            receivers.map(({ id }) => id),
            files,
          );
        }}
      />
    </>
  );
}
