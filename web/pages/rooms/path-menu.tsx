// Which way the files go: by measurement, or as the user says.

import { DropdownMenu } from 'radix-ui';
import type { PathRule } from '../../../src/peer/room-client.ts';
import { IconButton } from '../../parts/button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { useDesk, useRoom } from './use-room.ts';

const rules: readonly { rule: PathRule; label: string; more: string }[] = [
  { rule: 'auto', label: 'The quickest way', more: 'Measured while files move' },
  { rule: 'direct', label: 'Only directly', more: 'Browser to browser, past the server' },
  { rule: 'relay', label: 'Only by the relay', more: 'Where networks allow nothing else' },
];

export function PathMenu() {
  const { client } = useDesk();
  const { pathRule, room } = useRoom();
  // What the server is to see goes by its relay, whatever is chosen.
  if (room.inspection === 'server') return null;
  const allowed = rules.filter(({ rule }) => room.relay || rule !== 'relay');
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon="transfers" label="Which way files go" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        collisionPadding={8}
        className="z-30 min-w-56 rounded border border-line-strong bg-raised p-1"
      >
        <DropdownMenu.RadioGroup value={pathRule} onValueChange={(rule) => client.setPath(rule as PathRule)}>
          {allowed.map(({ rule, label, more }) => (
            <DropdownMenu.RadioItem
              key={rule}
              value={rule}
              className="flex items-center gap-2 rounded px-2 py-1.5 outline-none data-highlighted:bg-tint"
            >
              <span className="flex flex-1 flex-col">
                <span>{label}</span>
                <span className="text-12 text-ink-soft">{more}</span>
              </span>
              <DropdownMenu.ItemIndicator>
                <Icon name="check" />
              </DropdownMenu.ItemIndicator>
            </DropdownMenu.RadioItem>
          ))}
        </DropdownMenu.RadioGroup>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}
