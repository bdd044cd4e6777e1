// A real daemon with its built console for a test, and what is asked of its pages.

import type { Page } from 'playwright-core';
import { vi } from 'vitest';
import { openRealConsole, type RealConsole } from './real-console.ts';

// Browsers on a machine that does much else at once take their time; what a test waits for has its own, shorter limits.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

export type ConsoleRig = RealConsole;
export const openConsoleRig = openRealConsole;

/** What the functions that run in the page use of its elements; the compiler knows no browser here. */
export interface PageElement {
  readonly textContent: string | null;
  readonly outerHTML: string;
  readonly scrollHeight: number;
  readonly clientHeight: number;
  scrollTop: number;
  readonly labels?: { readonly length: number } | null;
  getAttribute(name: string): string | null;
  getClientRects(): { readonly length: number };
  getBoundingClientRect(): { readonly top: number; readonly bottom: number };
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
}

/** A row of the list of transfers by its file's name. */
export function row(page: Page, name: string) {
  return page.locator('[role=row][aria-rowindex]', { hasText: name }).first();
}
