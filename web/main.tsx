// Where the console starts: signs in by the link's one-time secret, then shows the page that the address names.

import './styles.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { signInByLink } from './session.ts';

const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 1000, gcTime: 120_000, retry: 1, refetchOnWindowFocus: true } },
});

async function start(): Promise<void> {
  const element = document.getElementById('root');
  if (element === null) throw new Error('index.html has no element with the id "root".');
  await signInByLink();
  createRoot(element).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}

void start();
