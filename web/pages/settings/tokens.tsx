// Tokens for scripts and other programs: made with what they may do, shown once, revoked here.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { Scope, TokenView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { note, noteFault } from '../../live/notes.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { ShownOnce } from '../../parts/shown-once.tsx';
import { exactMoment } from '../../words/times.ts';

const key = ['tokens'];

const scopes: readonly (readonly [Scope, string])[] = [
  ['read', 'Look'],
  ['write', 'Change jobs and transfers'],
  ['management', 'Hear events'],
  ['admin', 'Everything'],
];

export function Tokens() {
  const queries = useQueryClient();
  const { data, error } = useQuery({ queryKey: key, queryFn: ({ signal }) => api.call('listTokens', {}, { signal }) });
  const [made, setMade] = useState<string>();
  const reread = () => queries.invalidateQueries({ queryKey: key });
  const revoke = async (token: TokenView) => {
    try {
      await api.call('revokeToken', { params: { id: token.id } });
      note('info', `${token.name} is revoked.`);
      await reread();
    } catch (problem) {
      noteFault(problem);
    }
  };
  if (error !== null) return <p className="text-ink-soft">{asFault(error).message}</p>;
  return (
    <div className="flex flex-col gap-4">
      <p className="text-ink-soft">Scripts and other programs sign in with a token. Give each one its own.</p>
      {data !== undefined && data.rows.length > 0 && (
        <ul>
          {data.rows.map((token) => (
            <li key={token.id} className="flex items-center gap-3 border-t border-line py-1.5">
              <span className="min-w-0 flex-1">
                <span className="block truncate font-medium">{token.name}</span>
                <span className="block text-12 text-ink-faint">
                  {token.scopes.join(', ')}
                  {token.expiresAt !== null && ` · until ${exactMoment(Date.parse(token.expiresAt))}`}
                </span>
              </span>
              <IconButton icon="cancel" label={`Revoke ${token.name}`} onClick={() => void revoke(token)} />
            </li>
          ))}
        </ul>
      )}
      {made !== undefined && <ShownOnce secret={made} what="the token" />}
      <NewToken
        onMade={(token) => {
          setMade(token);
          void reread();
        }}
      />
    </div>
  );
}

function NewToken({ onMade }: { onMade: (token: string) => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly Scope[]>(['read']);
  const make = async () => {
    try {
      const { token } = await api.call('createToken', { body: { name: name.trim(), scopes: [...chosen] } });
      setName('');
      onMade(token);
    } catch (problem) {
      noteFault(problem);
    }
  };
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <fieldset className="flex flex-wrap gap-x-5">
        <legend className="sr-only">What it may do</legend>
        {scopes.map(([scope, label]) => (
          <label key={scope} className="flex h-8 items-center gap-2 coarse:h-11">
            <input
              type="checkbox"
              className="size-4 accent-(--ink)"
              checked={chosen.includes(scope)}
              onChange={(event) =>
                setChosen(event.target.checked ? [...chosen, scope] : chosen.filter((each) => each !== scope))
              }
            />
            {label}
          </label>
        ))}
      </fieldset>
      <div className="flex gap-2">
        <input
          value={name}
          onChange={(event) => setName(event.target.value)}
          aria-label="Name of the token"
          placeholder="Name, such as nightly-script"
          autoComplete="off"
          className="h-7 w-64 min-w-0 rounded border border-line-strong bg-surface px-2 coarse:h-10 coarse:text-16"
        />
        <Button type="submit" icon="key" disabled={name.trim() === '' || chosen.length === 0}>
          Make a token
        </Button>
      </div>
    </form>
  );
}
