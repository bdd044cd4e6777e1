// `wherry webhooks`: who is told of events by HTTP, and what became of the messages.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actionOf, actOnEach } from './list-actions.ts';
import { alignedRows, counted, formatTime } from './words.ts';

const actions = ['ls', 'add', 'rm', 'test', 'pause', 'resume', 'messages', 'replay'] as const;
const usual = ['observation.transfer.completed', 'observation.transfer.download.failed'];

export async function webhooks(call: VerbCall): Promise<number> {
  const [action, rest] = actionOf('webhooks', call.words, actions);
  const daemon = await requireDaemon(call.flags);
  const { client } = daemon;
  const { terminal } = call;
  if (action === 'ls') return list(daemon, call);
  if (action === 'add') return add(daemon, call, rest);
  if (rest.length === 0) {
    throw new Fault('invalid', `wherry webhooks ${action} needs an id; \`wherry webhooks ls\` lists them.`);
  }
  if (action === 'messages') return messages(daemon, call, rest);
  return actOnEach(terminal, rest, async (id) => {
    const params = { id };
    if (action === 'rm') {
      await client.call('removeWebhook', { params });
      return { object: { type: 'removed', id }, line: `${id}: removed` };
    }
    if (action === 'pause' || action === 'resume') {
      const webhook = await client.call(action === 'pause' ? 'pauseWebhook' : 'resumeWebhook', { params });
      return { object: { type: 'webhook', ...webhook }, line: `${id}: ${webhook.state}` };
    }
    if (action === 'replay') {
      const { replayed } = await client.call('replayDead', { params });
      return { object: { type: 'replayed', id, replayed }, line: `${id}: ${counted(replayed, 'message')} sent again` };
    }
    const { last } = await client.call('testWebhook', { params });
    if (last?.error) throw new Fault(last.error.code, last.error.message);
    return {
      object: { type: 'tested', id, ...last },
      line: `${id}: it answered ${last?.status} in ${last?.tookMs} ms`,
    };
  });
}

async function list({ client }: DaemonLink, { terminal }: VerbCall): Promise<number> {
  const { rows } = await client.call('listWebhooks');
  if (terminal.json) for (const row of rows) terminal.object({ type: 'webhook', ...row });
  else {
    const cells = rows.map(({ id, state, counts: { pending, dead }, name, url }) => [
      id,
      state,
      String(pending),
      String(dead),
      `${displayPath(name)}  ${displayPath(url)}`,
    ]);
    for (const line of alignedRows([['ID', 'STATE', 'PENDING', 'DEAD', 'NAME'], ...cells])) terminal.out(line);
  }
  return 0;
}

async function add({ client }: DaemonLink, { flags, terminal }: VerbCall, words: readonly string[]): Promise<number> {
  const [url, ...more] = words;
  if (url === undefined || more.length > 0) throw new Fault('invalid', 'wherry webhooks add needs one address.');
  const events = flags.list('event').flatMap((event) => event.split(','));
  const body = {
    name: flags.text('name') ?? new URL(URL.canParse(url) ? url : 'http://webhook').host,
    ...{ url, events: events.length === 0 ? usual : events, allowPrivate: flags.is('allow-private') },
  };
  const created = await client.call('createWebhook', { body });
  if (terminal.json) terminal.object({ type: 'webhook', ...created });
  else {
    terminal.say(`Webhook ${created.id}; its secret is shown this once:`);
    terminal.out(created.secret);
  }
  return 0;
}

async function messages(
  { client }: DaemonLink,
  { flags, terminal }: VerbCall,
  ids: readonly string[],
): Promise<number> {
  const state = flags.choice('state', ['pending', 'delivered', 'dead']);
  const query = { limit: flags.number('limit', 1, 1000) ?? 50, ...(state === undefined ? {} : { state }) };
  for (const id of ids) {
    const { rows } = await client.call('listDeliveries', { params: { id }, query });
    if (terminal.json)
      for (const row of rows) terminal.object({ ...row, message: row.id, type: 'message', event: row.type });
    else {
      const cells = rows.map((row) => [
        formatTime(row.createdAt),
        row.state,
        String(row.attempts),
        row.type,
        displayPath(row.last?.error?.message ?? ''),
      ]);
      for (const line of alignedRows([['AT', 'STATE', 'TRIED', 'EVENT', 'WHY'], ...cells])) terminal.out(line);
    }
  }
  return 0;
}
