// Settings: the limit, the look, tokens for scripts, the keyboard, the way out, and what runs here.

import { LimitForm } from '../../frame/speed-and-limit.tsx';
import type { Theme } from '../../frame/theme.ts';
import { chooseTheme, useTheme } from '../../frame/theme.ts';
import { useOverview } from '../../live/use-overview.ts';
import { Button } from '../../parts/button.tsx';
import { Facts } from '../../parts/section.tsx';
import { signOut } from '../../session.ts';
import { exactMoment } from '../../words/times.ts';
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
          <dl className="grid grid-cols-[5rem_minmax(0,1fr)] gap-y-1.5">
            {keyHelp.map(([keys, what]) => (
              <div key={keys} className="contents">
                <dt>
                  <kbd className="rounded border border-line-strong bg-tint px-1.5 font-mono text-12">{keys}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </Part>
        <Part title="This daemon">
          <Facts
            rows={[
              ['Version', data?.version ?? ''],
              ['Running since', data === undefined ? '' : exactMoment(Date.parse(data.startedAt))],
              [
                'API',
                <a key="api" href="/docs" className="underline decoration-line-strong underline-offset-2">
                  Read about it
                </a>,
              ],
            ]}
          />
          <Button icon="signOut" className="mt-4" onClick={() => void signOut()}>
            Sign out
          </Button>
        </Part>
      </div>
    </div>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="grid grid-cols-[10rem_minmax(0,1fr)] gap-x-8 gap-y-3 border-t border-line py-6 first-of-type:border-t-0 narrow:grid-cols-1">
      <h2 className="text-14 font-semibold">{title}</h2>
      <div className="min-w-0">{children}</div>
    </section>
  );
}
