// The room as its client knows it, for components: rendered again when it changes.

import { createContext, useContext, useSyncExternalStore } from 'react';
import type { RoomMemberView, RoomView } from '../../../src/peer/room-client.ts';
import type { Aside, RoomDesk } from './room-desk.ts';

export const DeskContext = createContext<RoomDesk | undefined>(undefined);

export function useDesk(): RoomDesk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error('Only inside a room.');
  return desk;
}

export function useRoom(): RoomView {
  const { client } = useDesk();
  return useSyncExternalStore(
    (listener) => client.subscribe(listener),
    () => client.view,
  );
}

const nothing: Aside = {};

export function useAside(transferId: string): Aside {
  return useDesk().useAsides(({ asides }) => asides.get(transferId) ?? nothing);
}

/** Who has gone is still called by the name that their transfers came under, where it is known. */
export function nameOf(members: readonly Pick<RoomMemberView, 'id' | 'name'>[], id: string): string {
  return members.find((member) => member.id === id)?.name ?? 'someone who has left';
}
