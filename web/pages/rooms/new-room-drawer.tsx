// Makes a room: its name, whether the server looks into what is sent, its limits. The link's secret is made here and stays in browsers.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { joinHashOf, toBase64Url } from '../../../src/peer/room-keys.ts';
import { api } from '../../api.ts';
import { FormDrawer } from '../../frame/form-drawer.tsx';
import { note } from '../../live/notes.ts';
import { roomsKey } from '../../live/use-rooms.ts';
import { CheckField, RadioField, TextField } from '../../parts/fields.tsx';
import { Section } from '../../parts/section.tsx';
import { go } from '../../router.ts';
import { inspectionWords } from '../../words/rooms.ts';
import { keepUsualName, leaveTicket, usualName } from './room-ticket.ts';
import { roomDrawer } from './rooms-page.tsx';

interface RoomForm {
  readonly name: string;
  readonly memberName: string;
  readonly inspection: 'none' | 'server';
  readonly relay: boolean;
  /** Megabytes, and a count; empty: as the server has it. */
  readonly maxFile: string;
  readonly members: string;
}

const inspections = [
  ['none', inspectionWords.none.long],
  ['server', inspectionWords.server.long],
] as const;

export function NewRoomDrawer({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState<RoomForm>(() => ({
    ...{ name: '', memberName: usualName(), inspection: 'none', relay: true, maxFile: '', members: '' },
  }));
  const set = (change: Partial<RoomForm>) => setForm((before) => ({ ...before, ...change }));
  const make = async () => {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const id = newRoomId();
    const memberName = form.memberName.trim();
    const joined = await api.call('createRoom', {
      body: {
        id,
        name: form.name.trim(),
        joinHash: await joinHashOf(secret, id),
        ...(memberName === '' ? {} : { memberName }),
        kind: 'browser',
        inspection: form.inspection,
        relay: form.relay,
        limits: limitsOf(form),
      },
    });
    if (memberName !== '') keepUsualName(memberName);
    leaveTicket({
      roomId: id,
      secret: toBase64Url(secret),
      name: joined.member.name,
      memberToken: joined.memberToken,
      after: joined.seq,
    });
    await queries.invalidateQueries({ queryKey: roomsKey });
    note('info', 'The room is made. Give its link to whoever is to come in.');
    go(roomDrawer(id), { replace: true });
  };
  return (
    <FormDrawer title="Make a room" verb="Make it" missing={stillMissing(form)} onSend={make} onClose={onClose}>
      <Section title="Room">
        <div className="flex flex-col gap-3">
          <TextField
            label="Its name"
            value={form.name}
            onChange={(name) => set({ name })}
            placeholder="Rushes of Thursday"
          />
          <TextField label="Your name in it" value={form.memberName} onChange={(memberName) => set({ memberName })} />
        </div>
      </Section>
      <Section title="Who sees what is sent">
        <RadioField
          label="Content"
          value={form.inspection}
          options={inspections}
          onChange={(inspection) => set({ inspection, relay: inspection === 'server' || form.relay })}
        />
        {form.inspection === 'none' && (
          <CheckField
            label="Where there is no direct way, or a slower one, files go through this server (encrypted)"
            checked={form.relay}
            onChange={(relay) => set({ relay })}
          />
        )}
      </Section>
      <Section title="Limits (empty: the server's own)">
        <div className="grid grid-cols-2 gap-3">
          <TextField label="Largest file" unit="MB" value={form.maxFile} onChange={(maxFile) => set({ maxFile })} />
          <TextField label="Members at most" unit="" value={form.members} onChange={(members) => set({ members })} />
        </div>
      </Section>
    </FormDrawer>
  );
}

function limitsOf({ maxFile, members }: RoomForm): { maxFileBytes?: number; members?: number } {
  return {
    ...(maxFile.trim() === '' ? {} : { maxFileBytes: Math.round(Number(maxFile) * 1e6) }),
    ...(members.trim() === '' ? {} : { members: Number(members) }),
  };
}

function stillMissing({ name, maxFile, members }: RoomForm): string | undefined {
  if (!window.isSecureContext) return 'Rooms need HTTPS: open the console by its https:// address.';
  if (name.trim() === '') return 'Give the room a name.';
  if (maxFile.trim() !== '' && !(Number(maxFile) > 0)) return 'The largest file is a number of megabytes.';
  if (members.trim() !== '' && !/^[1-9]\d*$/.test(members.trim())) return 'How many members is a whole number.';
  return undefined;
}

/** Nobody can guess it, and it can be read out over the telephone. */
function newRoomId(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const picked = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(picked, (byte) => letters.charAt(byte % letters.length)).join('');
}
