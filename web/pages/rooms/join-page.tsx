// Before one is in a room: asks for a name, for the rest of a link that was cut off, or says why there is no way in.

import { type ReactNode, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import { Button } from '../../parts/button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { inviteFor, usualName } from './room-ticket.ts';

export function Notice({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Threshold title={title}>
      <p role="status" className="text-ink-soft wrap-anywhere">
        {children}
      </p>
    </Threshold>
  );
}

const field = 'h-9 rounded border border-line-strong bg-surface px-2.5 font-normal coarse:h-11 coarse:text-16';

export function JoinForm({ why, onJoin }: { why: string | undefined; onJoin: (name: string) => void }) {
  const [name, setName] = useState(usualName);
  return (
    <Threshold title="Come into the room">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '') onJoin(name.trim());
        }}
      >
        {why !== undefined && <Reason text={why} />}
        <p className="text-ink-soft">
          People in it give each other files. Whoever is there sees your name; nothing is sent or received before you
          say so.
        </p>
        <label className="flex flex-col gap-1 font-medium">
          Your name
          <input
            value={name}
            onChange={(event) => setName(event.target.value)}
            maxLength={80}
            autoComplete="name"
            className={`${field} text-14`}
          />
        </label>
        <Button weight="strong" type="submit" className="h-9 self-start px-4" disabled={name.trim() === ''}>
          Go in
        </Button>
      </form>
    </Threshold>
  );
}

export function LinkForm({ roomId, onLink }: { roomId: string; onLink: (secret: string) => void }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string>();
  return (
    <Threshold title="This link is not whole">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          try {
            onLink(inviteFor(roomId, text).secret);
          } catch (error) {
            setWrong(asFault(error).message);
          }
        }}
      >
        {wrong !== undefined && <Reason text={wrong} />}
        <p className="text-ink-soft">
          What follows the # lets you into the room, and it is missing or cut off. Ask for the link again, or paste all
          of it.
        </p>
        <label className="flex flex-col gap-1 font-medium">
          The whole link
          <input
            value={text}
            onChange={(event) => setText(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className={`${field} font-mono text-13`}
          />
        </label>
        <Button weight="strong" type="submit" className="h-9 self-start px-4" disabled={text.trim() === ''}>
          Go on
        </Button>
      </form>
    </Threshold>
  );
}

function Threshold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="flex min-h-full items-center justify-center px-6 py-12">
      <div className="flex w-full max-w-sm flex-col gap-5">
        <div className="flex items-center gap-3">
          <img src="/wherry.svg" alt="" className="size-10 shrink-0" />
          <h1 className="text-20 font-semibold tracking-tight wrap-anywhere">{title}</h1>
        </div>
        {children}
      </div>
    </main>
  );
}

function Reason({ text }: { text: string }) {
  return (
    <p role="alert" className="flex gap-2 text-needs">
      <Icon name="needs" className="mt-0.5" />
      <span className="min-w-0 wrap-anywhere">{text}</span>
    </p>
  );
}
