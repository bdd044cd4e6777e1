// `wherry room`: rooms of the daemon, and a membership of one: in this process with a ledger of its own, or by the daemon that is named.

import { randomUUID } from 'node:crypto';
import { loadLimits } from '../config.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { formatInvite, inviteWithoutSecret, parseInvite } from '../model/room-invite.ts';
import type { ShareRequest } from '../model/share-spec.ts';
import type { Flags, VerbCall } from './command-line.ts';
import { absolutePlace, copyLedgers, movingWishes, ownLedger } from './copy-request.ts';
import { type DaemonLink, findDaemon, requireDaemon } from './daemon-client.ts';
import { listenForInterrupt } from './interrupt.ts';
import { actionOf, actOnEach, idsOf } from './list-actions.ts';
import { alreadyRuns, seeThrough } from './see-through.ts';
import type { Terminal } from './terminal.ts';
import { tellOnTerminal } from './terminal-log.ts';
import { alignedRows, counted, shortName } from './words.ts';

const actions = ['create', 'ls', 'close', 'join', 'send'] as const;

export async function room({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, rest] = actionOf('room', words, actions);
  switch (action) {
    case 'create':
      return create(rest, flags, terminal);
    case 'ls':
      return list(await requireDaemon(flags), terminal);
    case 'close': {
      const { client } = await requireDaemon(flags);
      return actOnEach(terminal, idsOf('room', 'close', rest), async (id) => {
        await client.call('closeRoom', { params: { id } });
        return { object: { type: 'closed', id }, line: `${id}: closed; its invite leads nowhere now` };
      });
    }
    default:
      return share(shareRequest(action, rest, flags), { action, flags, terminal });
  }
}

async function create(words: readonly string[], flags: Flags, terminal: Terminal): Promise<number> {
  if (words.length > 0) throw new Fault('invalid', 'wherry room create takes no words; name the room by --name.');
  const daemon = await requireDaemon(flags);
  const { newRoomKeys } = await import('../main.ts');
  const id = `room-${randomUUID().slice(0, 8)}`;
  const { secret, joinHash } = await newRoomKeys(id);
  const made = await daemon.client.call('createRoom', {
    body: {
      id,
      name: flags.text('name') ?? id,
      joinHash,
      kind: 'daemon',
      inspection: flags.is('inspect') ? 'server' : 'none',
    },
  });
  const link = formatInvite({ server: new URL(daemon.url).origin, roomId: made.room.id, secret });
  if (terminal.json) {
    terminal.object({ type: 'room', id: made.room.id, name: made.room.name, link });
    return 0;
  }
  terminal.out(link);
  terminal.say('Whoever has this link is in the room; what follows the # is its secret, and is told to no server.');
  if (flags.is('inspect')) terminal.say('The server sees, checks and scans what goes through this room.');
  return 0;
}

async function list({ client }: DaemonLink, terminal: Terminal): Promise<number> {
  const { rows } = await client.call('listRooms');
  if (terminal.json) {
    for (const row of rows) terminal.object({ type: 'room', ...row });
    return 0;
  }
  if (rows.length === 0) {
    terminal.say('There is no room. `wherry room create` makes one.');
    return 0;
  }
  const lines = rows.map(({ id, name, members }) => [id, shortName(name, 40), counted(members.length, 'member')]);
  for (const line of alignedRows(lines)) terminal.out(line);
  return 0;
}

function shareRequest(action: 'join' | 'send', words: readonly string[], flags: Flags): ShareRequest {
  const [room, ...files] = words;
  if (room === undefined)
    throw new Fault('invalid', `wherry room ${action} needs the invite: wherry room ${action} LINK …`);
  parseInvite(room);
  const to = flags.list('to');
  const { include: _, ...wishes } = movingWishes(flags);
  const as = flags.text('name');
  const common = { kind: 'share' as const, room: room.trim(), ...wishes, ...(as === undefined ? {} : { as }) };
  if (action === 'send') {
    if (files.length === 0) throw new Fault('invalid', 'wherry room send needs files: wherry room send LINK FILE…');
    return { ...common, send: files.map(absolutePlace), receivers: to };
  }
  const [folder, ...others] = to;
  if (folder === undefined || others.length > 0 || files.length > 0) {
    throw new Fault('invalid', 'wherry room join needs one folder for what comes: wherry room join LINK --to DIR.');
  }
  return { ...common, to: absolutePlace(folder), accept: rulesOf(flags), stay: true };
}

/** Of each kind one must fit: all ways to put them together. */
function rulesOf(flags: Flags): NonNullable<ShareRequest['accept']> {
  const maxSize = flags.sizeBytes('max-size');
  const choices = (name: string) => (flags.list(name).length === 0 ? [undefined] : flags.list(name));
  const rules = choices('from').flatMap((from) =>
    choices('type').flatMap((type) =>
      choices('match').map((name) => ({
        ...(from === undefined ? {} : { from }),
        ...(type === undefined ? {} : { type }),
        ...(name === undefined ? {} : { name }),
        ...(maxSize === undefined ? {} : { maxSize }),
      })),
    ),
  );
  return rules.filter((rule) => Object.keys(rule).length > 0);
}

interface Sharing extends Pick<VerbCall, 'flags' | 'terminal'> {
  readonly action: 'join' | 'send';
}

async function share(request: ShareRequest, { action, flags, terminal }: Sharing): Promise<number> {
  const data = flags.text('data') ?? (process.env.WHERRY_DATA || undefined);
  const daemon = data === undefined ? undefined : findDaemon(data);
  if (daemon !== undefined) {
    const create = () => daemon.client.call('createJob', { body: request }, { idempotencyKey: randomUUID() });
    if (action === 'join') {
      const job = await create();
      if (terminal.json) terminal.object({ type: 'started', jobId: job.id, resumed: false });
      else terminal.out(`The daemon is in the room; \`wherry jobs cancel ${job.id}\` leaves it.`);
      return 0;
    }
    const { followJob } = await import('./copy-by-daemon.ts');
    return followJob(daemon, create, { request: { verify: 'far-hash' }, flags, terminal });
  }
  const limits = await loadLimits({ config: flags.text('config') });
  const { server, roomId } = parseInvite(request.room);
  const place = `${server}/rooms/${roomId}`;
  const pair = { sources: request.send ?? [place], destination: request.to ?? place };
  const folder = ownLedger(copyLedgers(data), ['share', place, request.send ?? [], request.to ?? ''], pair);
  const interrupt = listenForInterrupt();
  const { openCopy } = await import('../main.ts');
  const opened = await openCopy(
    { dataFolder: folder, limits, ...limits.places, log: tellOnTerminal(terminal) },
    request,
  ).catch(alreadyRuns('share'));
  terminal.say(
    action === 'join'
      ? `Taking files from ${displayPath(inviteWithoutSecret(request.room))} into ${displayPath(request.to ?? '')}; Ctrl-C leaves the room.`
      : `Offered to whoever is in ${displayPath(inviteWithoutSecret(request.room))}; it moves when somebody takes it.`,
  );
  const askedFor = action === 'join' ? {} : { verify: 'far-hash' as const };
  return seeThrough(opened, { what: 'share', request: askedFor, interrupt, terminal, flags, saysFiles: true });
}
