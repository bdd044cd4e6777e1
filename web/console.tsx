// The console: signs in by the link's one-time secret, then shows the page that the address names.

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { signInByLink } from './session.ts';

const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 1000, gcTime: 120_000, retry: 1, refetchOnWindowFocus: true } },
});

export async function showConsole(element: HTMLElement): Promise<void> {
  await signInByLink();
  createRoot(element).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}
