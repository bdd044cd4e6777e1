// Light, dark, or as the system says; kept in this browser.

import { create } from 'zustand';

export type Theme = 'system' | 'light' | 'dark';

const key = 'wherry.theme';

function stored(): Theme {
  try {
    const text = localStorage.getItem(key);
    return text === 'light' || text === 'dark' ? text : 'system';
  } catch {
    return 'system';
  }
}

export const useTheme = create<{ theme: Theme }>()(() => ({ theme: stored() }));

/** Also read by public/theme.js before the first paint. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Without storage the choice holds until the page is closed.
  }
  useTheme.setState({ theme });
}
