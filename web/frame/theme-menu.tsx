// Chooses light, dark, or what the system says.

import { DropdownMenu } from 'radix-ui';
import { IconButton } from '../parts/button.tsx';
import type { IconName } from '../parts/drawings.ts';
import { Icon } from '../parts/icon.tsx';
import type { Theme } from './theme.ts';
import { chooseTheme, useTheme } from './theme.ts';

const themes: readonly { theme: Theme; label: string; icon: IconName }[] = [
  { theme: 'system', label: 'As the system', icon: 'system' },
  { theme: 'light', label: 'Light', icon: 'sun' },
  { theme: 'dark', label: 'Dark', icon: 'moon' },
];

export function ThemeMenu() {
  const chosen = useTheme((state) => state.theme);
  const icon = themes.find(({ theme }) => theme === chosen)?.icon ?? 'system';
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon={icon} label="Theme" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        className="z-30 min-w-40 rounded border border-line-strong bg-raised p-1"
      >
        <DropdownMenu.RadioGroup value={chosen} onValueChange={(value) => chooseTheme(value as Theme)}>
          {themes.map(({ theme, label, icon }) => (
            <DropdownMenu.RadioItem
              key={theme}
              value={theme}
              className="flex h-8 items-center gap-2 rounded px-2 outline-none data-highlighted:bg-tint coarse:h-11"
            >
              <Icon name={icon} className="text-ink-soft" />
              <span className="flex-1">{label}</span>
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
