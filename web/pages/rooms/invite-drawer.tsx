// The drawer of a room's page with the link that lets others in.

import { Drawer } from '../../frame/drawer.tsx';
import { InviteLink } from './invite-link.tsx';

export function InviteDrawer({ invite, onClose }: { invite: string; onClose: () => void }) {
  return (
    <Drawer title="Invite somebody" label="Invite somebody" onClose={onClose}>
      <div className="p-4">
        <InviteLink invite={invite} />
      </div>
    </Drawer>
  );
}
