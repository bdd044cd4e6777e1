// The frame around every page: rail, top bar, the page that the address names, notes; or the way in.

import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from './api.ts';
import { Mishap } from './frame/mishap.tsx';
import { NotesShelf } from './frame/notes-shelf.tsx';
import { pageLabel } from './frame/places.ts';
import { Rail } from './frame/rail.tsx';
import { TopBar } from './frame/top-bar.tsx';
import { createFailureNotes } from './live/failure-notes.ts';
import { followDaemon, onBatch, onReconnect } from './live/live-feed.ts';
import { AboutPage } from './pages/about-page.tsx';
import { DevicesPage } from './pages/devices/devices-page.tsx';
import { ChangesPage } from './pages/events/changes-page.tsx';
import { EventsPage } from './pages/events/events-page.tsx';
import { FindPage } from './pages/find-page.tsx';
import { JobsPage } from './pages/jobs/jobs-page.tsx';
import { NotFoundPage } from './pages/not-found-page.tsx';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { RecordingsPage } from './pages/recordings/recordings-page.tsx';
import { RoomsPage } from './pages/rooms/rooms-page.tsx';
import { SettingsPage } from './pages/settings/settings-page.tsx';
import { SignInPage } from './pages/sign-in-page.tsx';
import { StoragePage } from './pages/storage/storage-page.tsx';
import { SyncsPage } from './pages/syncs/syncs-page.tsx';
import { TransfersPage } from './pages/transfers/transfers-page.tsx';
import { WatchesPage } from './pages/watches/watches-page.tsx';
import { WebhooksPage } from './pages/webhooks/webhooks-page.tsx';
import { useAddress } from './router.ts';
import { sessionEnded, useSession } from './session.ts';

export function App() {
  const session = useSession();
  if (session.kind !== 'signed-in') return <SignInPage />;
  return <Console />;
}

function Console() {
  const { path } = useAddress();
  const queries = useQueryClient();
  useEffect(() => {
    const stop = new AbortController();
    void followDaemon(api, stop.signal, sessionEnded);
    const quiet = onBatch((batch) => {
      if (batch.afresh) void queries.invalidateQueries();
    });
    const loud = onBatch(createFailureNotes());
    const back = onReconnect(() => void queries.invalidateQueries());
    return () => {
      back();
      loud();
      quiet();
      stop.abort();
    };
  }, [queries]);
  useEffect(() => {
    const label = path === '/' ? undefined : pageLabel(path);
    document.title = label === undefined ? 'Wherry' : `${label} · Wherry`;
  }, [path]);
  return (
    <div className="flex h-full narrow:flex-col">
      <a href="#page" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-3">
        Skip to the page
      </a>
      <Rail />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col bg-surface">
        <TopBar />
        <main id="page" tabIndex={-1} className="flex min-h-0 flex-1 outline-none">
          <Mishap address={path}>
            <Page path={path} />
          </Mishap>
        </main>
      </div>
      <NotesShelf />
    </div>
  );
}

function Page({ path }: { path: string }) {
  const [, first = '', second] = path.split('/').map(decodeURIComponent);
  switch (first) {
    case '':
      return <OverviewPage />;
    case 'transfers':
      return <TransfersPage openId={second} />;
    case 'jobs':
      return <JobsPage open={second} />;
    case 'watches':
      return <WatchesPage open={second} />;
    case 'syncs':
      return <SyncsPage open={second} />;
    case 'devices':
      return <DevicesPage open={second} />;
    case 'recordings':
      return <RecordingsPage open={second} />;
    case 'rooms':
      return <RoomsPage />;
    case 'storage':
      return <StoragePage />;
    case 'events':
      return <EventsPage />;
    case 'changes':
      return <ChangesPage />;
    case 'webhooks':
      return <WebhooksPage open={second} />;
    case 'settings':
      return <SettingsPage />;
    case 'about':
      return <AboutPage />;
    case 'find':
      return <FindPage />;
    default:
      return <NotFoundPage />;
  }
}
