// The way in: says where the one-time link comes from, and takes it pasted too.

import { useEffect, useState } from 'react';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { Icon } from '../parts/icon.tsx';
import { askSession, secretIn, signIn, useSession } from '../session.ts';

export function SignInPage() {
  const { kind, why } = useSession();
  return (
    <main className="flex min-h-full items-center justify-center px-6 py-12">
      <div className="flex w-full max-w-sm flex-col gap-5">
        <div className="flex items-center gap-3">
          <img src="/wherry.svg" alt="" className="size-10" />
          <h1 className="text-20 font-semibold tracking-tight">Wherry</h1>
        </div>
        {kind === 'asking' && <p className="text-ink-soft">Asking the daemon…</p>}
        {kind === 'unreachable' && <Unreachable why={why} />}
        {kind === 'signed-out' && <SignInForm why={why} />}
      </div>
    </main>
  );
}

const askAgainMs = 3000;

function Unreachable({ why }: { why: string | undefined }) {
  useEffect(() => {
    const timer = setInterval(() => void askSession(), askAgainMs);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <Reason text={why ?? 'The daemon does not answer.'} />
      <p className="text-ink-soft">Start it again with this command; this page goes on by itself.</p>
      <Command text="wherry serve" />
      <Button weight="strong" icon="retry" className="self-start" onClick={() => void askSession()}>
        Try again
      </Button>
    </>
  );
}

function SignInForm({ why }: { why: string | undefined }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string>();
  const said = wrong ?? why;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        const secret = secretIn(text);
        if (secret === undefined) setWrong('That is not a link that the daemon has printed.');
        else {
          setWrong(undefined);
          void signIn(secret);
        }
      }}
    >
      {said !== undefined && <Reason text={said} />}
      <p className="text-ink-soft">
        Open the one-time link that the daemon printed when it started. For a new one, run this command where the daemon
        runs:
      </p>
      <Command text="wherry console" />
      <label className="flex flex-col gap-1 font-medium">
        Or paste the link
        <input
          value={text}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          className="h-9 rounded border border-line-strong bg-surface px-2.5 font-mono text-13 font-normal coarse:h-11 coarse:text-16"
        />
      </label>
      <Button weight="strong" type="submit" className="h-9 self-start px-4" disabled={text.trim() === ''}>
        Sign in
      </Button>
    </form>
  );
}

function Reason({ text }: { text: string }) {
  return (
    <p role="alert" className="flex gap-2 text-needs">
      <Icon name="needs" className="mt-0.5" />
      {text}
    </p>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div className="flex items-center rounded border border-line bg-tint py-1 pr-1 pl-3">
      <code className="flex-1 font-mono text-12">{text}</code>
      <CopyButton text={text} what="the command" />
    </div>
  );
}
