// A state as icon and word, never by colour alone.

import type { Look } from '../words/states.ts';
import { toneText } from '../words/states.ts';
import { Icon } from './icon.tsx';

export function StateMark({ look, title }: { look: Look; title?: string }) {
  return (
    <span className={`flex min-w-0 items-center gap-1.5 ${toneText[look.tone]}`} title={title}>
      <Icon name={look.icon} />
      <span className="truncate">{look.word}</span>
    </span>
  );
}
