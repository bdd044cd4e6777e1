// Settings: the limit, the look, tokens for scripts, the keyboard, and the way out.

import { asFault } from '../../../src/model/fault.ts';
import { api } from '../../api.ts';
import { LimitForm } from '../../frame/speed-and-limit.tsx';
import type { Theme } from '../../frame/theme.ts';
import { chooseTheme, useTheme } from '../../frame/theme.ts';
import { note } from '../../live/notes.ts';
import { useOverview } from '../../live/use-overview.ts';
import { Button } from '../../parts/button.tsx';
import { KeyList } from '../../parts/key-list.tsx';
import { Link } from '../../parts/link.tsx';
import { Part } from '../../parts/part.tsx';
import { signOut } from '../../session.ts';
import { keyHelp } from '../transfers/use-list-keys.ts';
import { Tokens } from './tokens.tsx';

const themes: readonly (readonly [Theme, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function SettingsPage() {
  const { data } = useOverview();
  const theme = useTheme((state) => state.theme);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-3xl flex-col px-6 py-4 narrow:px-4">
        <h1 className="sr-only">Settings</h1>
        <Part title="Speed">
          {data !== undefined && (
            <div className="max-w-md">
              <LimitForm
                key={`${data.bandwidth.timetable}${data.bandwidth.bytesPerSecond}`}
                timetable={data.bandwidth.timetable}
                current={data.bandwidth.bytesPerSecond}
              />
            </div>
          )}
        </Part>
        <Part title="Look">
          <fieldset className="flex flex-wrap gap-x-6">
            <legend className="sr-only">Theme</legend>
            {themes.map(([value, label]) => (
              <label key={value} className="flex h-8 items-center gap-2 coarse:h-11">
                <input
                  type="radio"
                  name="theme"
                  className="size-4 accent-(--ink)"
                  checked={theme === value}
                  onChange={() => chooseTheme(value)}
                />
                {label}
              </label>
            ))}
          </fieldset>
        </Part>
        <Part title="Tokens">
          <Tokens />
        </Part>
        <Part title="Keyboard">
          <KeyList keys={keyHelp} className="grid-cols-[5rem_minmax(0,1fr)] gap-y-1.5" />
        </Part>
        <Part title="This daemon">
          <p className="text-ink-soft">
            This browser stays signed in for 30 days.{' '}
            <Link href="/about" className="underline decoration-line-strong underline-offset-2">
              What runs here
            </Link>
          </p>
          <div className="mt-4 flex flex-wrap gap-2">
            <Button icon="retry" onClick={() => void reload()}>
              Read the configuration again
            </Button>
            <Button icon="signOut" onClick={() => void signOut()}>
              Sign out
            </Button>
          </div>
        </Part>
      </div>
    </div>
  );
}

async function reload(): Promise<void> {
  try {
    const { changed } = await api.call('reloadConfig');
    const now = changed.filter(({ takesEffect }) => takesEffect === 'now').map(({ key }) => key);
    const later = changed.filter(({ takesEffect }) => takesEffect === 'restart').map(({ key }) => key);
    if (changed.length === 0) note('info', 'Nothing has changed in the configuration.');
    if (now.length > 0) note('info', `In force now: ${now.join(', ')}.`);
    if (later.length > 0) note('problem', `These need a restart: ${later.join(', ')}.`);
  } catch (problem) {
    const { message, meaning } = asFault(problem);
    note('problem', `${message} Everything stays as it was.`, { remedy: meaning.remedy });
  }
}
