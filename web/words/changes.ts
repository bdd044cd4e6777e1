// Changes by the API as sentences: who did what, to which thing, and where that can be looked at.

import { jobTitle } from './jobs.ts';

export interface ChangeText {
  readonly who: string;
  /** What kind of somebody. */
  readonly how: string;
  readonly what: string;
  /** Which thing, as far as it was named. */
  readonly about: string | undefined;
  readonly href: string | undefined;
}

type Data = Readonly<Record<string, unknown>>;

/** By the names of routes and commands: the sentence, and the page of what `id` names. */
const actions: Readonly<Record<string, readonly [what: string, page?: 'jobs' | 'watches' | 'transfers' | 'webhooks']>> =
  {
    createJob: ['Asked for a job'],
    pauseJob: ['Paused a job', 'jobs'],
    resumeJob: ['Resumed a job', 'jobs'],
    cancelJob: ['Cancelled a job', 'jobs'],
    retryJob: ['Tried a job again', 'jobs'],
    createWatch: ['Began to watch a folder'],
    editWatch: ['Changed a watch', 'watches'],
    pauseWatch: ['Paused a watch', 'watches'],
    resumeWatch: ['Resumed a watch', 'watches'],
    removeWatch: ['Removed a watch'],
    actOnTransfers: ['Acted on transfers'],
    pauseTransfer: ['Paused a transfer', 'transfers'],
    resumeTransfer: ['Resumed a transfer', 'transfers'],
    cancelTransfer: ['Cancelled a transfer', 'transfers'],
    retryTransfer: ['Tried a transfer again', 'transfers'],
    'command.transfer.pause': ['Paused a transfer', 'transfers'],
    'command.transfer.resume': ['Resumed a transfer', 'transfers'],
    'command.transfer.cancel': ['Cancelled a transfer', 'transfers'],
    'command.transfer.retry': ['Tried a transfer again', 'transfers'],
    createSync: ['Made a sync'],
    editSync: ['Changed a sync'],
    removeSync: ['Removed a sync'],
    runSync: ['Began a sync'],
    clearSyncManifest: ['Had a sync check everything again'],
    cleanUp: ['Cleaned up a source, or asked what would go'],
    startContractSync: ['Began a sync'],
    cancelContractSync: ['Cancelled a sync'],
    syncForge: ['Began a sync of Forge'],
    syncComfy: ['Began a sync of ComfyUI'],
    syncVastai: ['Began a sync of vast.ai'],
    retrySink: ['Had a sink tried again'],
    replaySetAside: ['Told a sink again what was set aside'],
    dropSetAside: ['Dropped what a sink does not take'],
    createRoom: ['Made a room'],
    closeRoom: ['Closed a room'],
    joinRoom: ['Came into a room'],
    leaveRoom: ['Left a room'],
    setRoomMember: ['Changed what a member of a room may do'],
    removeRoomMember: ['Removed a member from a room'],
    offerRoomFile: ['Offered a file in a room'],
    acceptRoomFile: ['Accepted a file in a room'],
    rejectRoomFile: ['Rejected a file in a room'],
    pauseRoomFile: ['Paused a file in a room'],
    resumeRoomFile: ['Let a file in a room go on'],
    cancelRoomFile: ['Cancelled a file in a room'],
    setBandwidth: ['Set the speed limit'],
    createWebhook: ['Made a webhook'],
    editWebhook: ['Changed a webhook', 'webhooks'],
    pauseWebhook: ['Paused a webhook', 'webhooks'],
    resumeWebhook: ['Resumed a webhook', 'webhooks'],
    removeWebhook: ['Removed a webhook'],
    testWebhook: ['Sent a webhook a test', 'webhooks'],
    replayDelivery: ['Sent a message again', 'webhooks'],
    replayDead: ['Sent all given-up messages again', 'webhooks'],
    reloadConfig: ['Had the configuration read again'],
    queueBatch: ['Asked for a device’s files'],
    'command.transfer.queue_batch': ['Asked for a device’s files'],
    'observation.device.connection_status.update': ['Said how a device stands'],
    'observation.flight.end': ['Said that a flight has ended'],
    lookForDevices: ['Had devices looked for'],
    createToken: ['Made a token'],
    revokeToken: ['Revoked a token'],
    createSessionLink: ['Asked for a link to the console'],
    openSession: ['Signed in to the console'],
    closeSession: ['Signed out of the console'],
  };

const kinds: Readonly<Record<string, string>> = { token: 'with a token', console: 'in the console' };

/** Names of routes and commands that have a sentence of their own. */
export const toldActions = Object.keys(actions);

export function changeText(data: Data): ChangeText {
  const action = String(data.action ?? '');
  const by = recordOf(data.by);
  const body = recordOf(data.body);
  const id = recordOf(data.params).id ?? body.id;
  const [what, page] = actions[action] ?? [inWords(action)];
  const kind = String(by.kind ?? '');
  return {
    who: typeof by.name === 'string' && by.name !== '' ? by.name : nobody(action),
    how: kinds[kind] ?? kind,
    what,
    about: aboutText(action, body) ?? (typeof id === 'string' ? id : undefined),
    href: page !== undefined && typeof id === 'string' ? `/${page}/${encodeURIComponent(id)}` : undefined,
  };
}

/** Who signs in is known by the link alone. */
function nobody(action: string): string {
  return action === 'openSession' ? 'Whoever had the link' : 'Somebody who was not signed in';
}

/** A route's name or that of a command, such as `pauseJob`, as words: `Pause job`. */
function inWords(action: string): string {
  const words = action
    .replace(/[._]/g, ' ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function aboutText(action: string, body: Data): string | undefined {
  if (action === 'setBandwidth') return typeof body.limit === 'string' ? body.limit : 'No limit';
  if (action === 'actOnTransfers' && typeof body.action === 'string') {
    const how = { pause: 'paused', resume: 'resumed', cancel: 'cancelled', retry: 'tried again' }[body.action];
    const many = Array.isArray(body.ids) ? `${body.ids.length} ` : '';
    return `${many}${how ?? body.action}`;
  }
  const sources = body.sources ?? (typeof body.source === 'string' ? [body.source] : undefined);
  const destinations = body.destinations ?? (typeof body.destination === 'string' ? [body.destination] : undefined);
  if (areTexts(sources) && areTexts(destinations)) {
    return jobTitle({ name: typeof body.name === 'string' ? body.name : (sources[0] ?? ''), sources, destinations });
  }
  return typeof body.name === 'string' ? body.name : undefined;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

function recordOf(value: unknown): Data {
  return typeof value === 'object' && value !== null ? (value as Data) : {};
}
