// The mode "share": a membership of a room, through which files come and go as ordinary transfers.

import { parseInvite } from '../../model/room-invite.ts';
import type { Mode, ModeParts } from '../mode.ts';
import { sentFiles } from './sent-files.ts';
import { isRefused, openShare, type ShareParts } from './share-run.ts';

export function createShareMode(parts: ShareParts): Mode {
  return {
    kind: 'share',
    prepare: async (request) => {
      const spec = await checked(request);
      const { server, roomId } = parseInvite(spec.room);
      return { spec, name: `${roomId} on ${new URL(server).host}`, priority: spec.priority, keys: [] };
    },
    plan: async function* (request, modeParts: ModeParts, signal) {
      const spec = await checked(request);
      const call = signal === undefined ? {} : { signal };
      for await (const { entry, name } of sentFiles(spec, (address) => modeParts.open(address), call)) {
        yield { action: 'copy', path: name, sizeBytes: entry.sizeBytes, reason: 'offered to the room' };
      }
    },
    open: (job, host) => openShare(job, host, parts),
    isRefusal: isRefused,
  };
}

async function checked(request: unknown) {
  const { checkShareSpec } = await import('./check-spec.ts');
  return checkShareSpec(request);
}
