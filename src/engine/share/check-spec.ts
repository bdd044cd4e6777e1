// What being in a room is asked for, checked before anything is written.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { parseInvite } from '../../model/room-invite.ts';
import { type ShareSpec, shareSpecSchema } from '../../model/share-spec.ts';
import { parseBandwidth } from '../bandwidth-plan.ts';
import { createSelection } from '../selection.ts';
import { compileAcceptRules } from './accept-rules.ts';

/** With all defaults, and places as absolute addresses. Rejects with `invalid`. */
export function checkShareSpec(request: unknown): ShareSpec {
  const read = shareSpecSchema.safeParse(request);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new Fault('invalid', `The share cannot be read: ${where} ${issue?.message ?? ''}`.trim());
  }
  const spec = read.data;
  parseInvite(spec.room);
  createSelection(spec.include, spec.exclude);
  if (spec.bandwidth !== null) parseBandwidth(spec.bandwidth);
  compileAcceptRules(spec.accept, true);
  if (spec.to === null && spec.send.length === 0) {
    throw new Fault(
      'invalid',
      'There is nothing to do in the room: neither files to send nor a folder for what comes.',
    );
  }
  return {
    ...spec,
    to: spec.to === null ? null : placeOf(spec.to),
    send: spec.send.map(placeOf),
  };
}

function placeOf(text: string): string {
  const address = parseEndpoint(text, process.cwd());
  if (address.scheme === 'room') throw new Fault('invalid', `${displayPath(text)} is a room, not a folder or file.`);
  return formatEndpoint(address);
}
