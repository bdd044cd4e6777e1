// Where the pages start: a room by itself, for guests too; else the console, signed in by the link's one-time secret.

import './styles.css';
import { addressedRoom } from './pages/rooms/room-ticket.ts';

async function start(): Promise<void> {
  const element = document.getElementById('root');
  if (element === null) throw new Error('index.html has no element with the id "root".');
  // Before anything is asked of the daemon: what follows the # of a room's address is never sent, and a guest loads nothing of the console.
  const room = addressedRoom();
  if (room === undefined) (await import('./console.tsx')).showConsole(element);
  else (await import('./pages/rooms/room-entry.tsx')).showRoom(element, room);
}

void start();
