// How fast everything moves together, and the limit on it, which can be set here.

import { useQueryClient } from '@tanstack/react-query';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { asFault } from '../../src/model/fault.ts';
import { api } from '../api.ts';
import { note } from '../live/notes.ts';
import { overviewKey, useOverview } from '../live/use-overview.ts';
import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { speed } from '../words/amounts.ts';

export function SpeedAndLimit() {
  const { data: overview } = useOverview();
  const [open, setOpen] = useState(false);
  const limit = overview?.bandwidth.bytesPerSecond ?? null;
  const now = overview?.bytesPerSecond ?? 0;
  const limitText = limit === null ? 'No limit' : `Limit ${speed(limit)}`;
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <button
          type="button"
          className="flex h-8 items-center gap-2 whitespace-nowrap rounded px-2 hover:bg-tint-strong coarse:h-10"
        >
          <span
            className={`min-w-[4.5rem] text-right tabular-nums ${now > 0 ? 'font-medium text-ink' : 'text-ink-faint'}`}
          >
            {now > 0 ? speed(now) : 'Idle'}
          </span>
          <span className={`flex items-center gap-1 tabular-nums ${limit === null ? 'text-ink-faint' : 'text-waits'}`}>
            <Icon name="limit" />
            <span className="narrow:sr-only">{limitText}</span>
          </span>
          <span className="sr-only">. Change the limit</span>
        </button>
      </Popover.Trigger>
      <Popover.Content
        aria-label="Limit"
        align="end"
        sideOffset={4}
        collisionPadding={8}
        className="z-30 w-80 max-w-[calc(100vw-16px)] rounded border border-line-strong bg-raised p-4"
      >
        <LimitForm timetable={overview?.bandwidth.timetable ?? null} current={limit} onDone={() => setOpen(false)} />
      </Popover.Content>
    </Popover.Root>
  );
}

const suggestions = ['off', '2MB', '10MB', '50MB', '100MB'];

/** A rate, `off`, or a timetable; also used by the settings. */
export function LimitForm(props: { timetable: string | null; current: number | null; onDone?: () => void }) {
  const queries = useQueryClient();
  const [text, setText] = useState(props.timetable ?? (props.current === null ? 'off' : String(props.current)));
  const [wrong, setWrong] = useState<string>();
  const apply = async (limit: string) => {
    try {
      const value = limit.trim();
      await api.call('setBandwidth', { body: { limit: value === '' || value === 'off' ? null : value } });
      await queries.invalidateQueries({ queryKey: overviewKey });
      note('info', value === '' || value === 'off' ? 'No limit any more.' : `Limit set to ${value}.`);
      setWrong(undefined);
      props.onDone?.();
    } catch (error) {
      setWrong(asFault(error).message);
    }
  };
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void apply(text);
      }}
    >
      <label className="flex flex-col gap-1 font-medium">
        Limit for everything together
        <input
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-invalid={wrong !== undefined}
          aria-describedby="limit-help"
          spellCheck={false}
          autoComplete="off"
          className="h-8 rounded border border-line-strong bg-surface px-2 font-mono text-13 font-normal coarse:h-11 coarse:text-16"
        />
      </label>
      <fieldset className="flex flex-wrap gap-1">
        <legend className="sr-only">Common limits</legend>
        {suggestions.map((each) => (
          <Button key={each} className="px-2" onClick={() => void apply(each)}>
            {each === 'off' ? 'No limit' : `${each.slice(0, -2)} MB/s`}
          </Button>
        ))}
      </fieldset>
      <p id="limit-help" className={`text-12 ${wrong === undefined ? 'text-ink-soft' : 'text-needs'}`}>
        {wrong ?? (
          <>
            Bytes per second such as <code className="font-mono">2MB</code>, or times of day such as{' '}
            <code className="font-mono">08:00,2MB 19:00,off</code>.
          </>
        )}
      </p>
      <Button weight="strong" type="submit" className="self-start">
        Set the limit
      </Button>
    </form>
  );
}
