// A timeline of facts, oldest first, each as a sentence with its moment.

import { useNow } from '../live/use-now.ts';
import { factText } from '../words/facts.ts';
import { toneFill } from '../words/states.ts';
import { exactMoment, moment } from '../words/times.ts';

interface TimelineFact {
  readonly key: string;
  readonly name: string;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function Timeline({ facts }: { facts: readonly TimelineFact[] }) {
  const nowMs = useNow(60_000);
  return (
    <ol className="flex flex-col">
      {facts.map((fact, at) => {
        const { text, more, tone } = factText(fact.name, fact.data);
        const ms = Date.parse(fact.at);
        return (
          <li key={fact.key} className="relative flex gap-3 pb-3">
            {at < facts.length - 1 && (
              <span aria-hidden="true" className="absolute top-3 bottom-0 left-[3px] w-px bg-line" />
            )}
            <span aria-hidden="true" className={`mt-1.5 size-[7px] shrink-0 rounded-full ${toneFill[tone]}`} />
            <div className="min-w-0 flex-1">
              <p className="break-words">{text}</p>
              {more !== undefined && <p className="break-words text-12 text-ink-soft">{more}</p>}
            </div>
            <time dateTime={fact.at} title={exactMoment(ms)} className="shrink-0 text-12 text-ink-faint tabular-nums">
              {moment(ms, nowMs)}
            </time>
          </li>
        );
      })}
    </ol>
  );
}
