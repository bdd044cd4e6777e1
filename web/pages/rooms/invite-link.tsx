// The link that lets others into a room: as text to copy, and as a picture for a phone's camera.

import { renderSVG } from 'uqr';
import { CopyButton } from '../../parts/copy-button.tsx';

export function InviteLink({ invite }: { invite: string }) {
  // As an image, so that no markup is put into the page; dark on light in both themes, as cameras want it.
  const picture = `data:image/svg+xml,${encodeURIComponent(renderSVG(invite, { border: 2 }))}`;
  return (
    <div className="flex flex-col gap-4">
      <img
        src={picture}
        alt="QR code of the link: point a phone's camera at it"
        className="w-56 max-w-full self-center rounded bg-[#fff]"
      />
      <div className="flex items-center gap-1 rounded border border-line bg-tint py-1 pr-1 pl-3">
        <code className="min-w-0 flex-1 font-mono text-12 wrap-anywhere">{invite}</code>
        <CopyButton text={invite} what="the link" />
      </div>
      <p className="text-ink-soft">
        Whoever has the link can come in. What follows the # is the room's secret: it stays in the browsers and never
        reaches the server.
      </p>
    </div>
  );
}
