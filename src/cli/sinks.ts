// `wherry sinks`: who is told which files came home, how far each has come, and what one will never take.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { SinkView } from '../model/sink-views.ts';
import type { VerbCall } from './command-line.ts';
import { type DaemonLink, requireDaemon } from './daemon-client.ts';
import { actionOf } from './list-actions.ts';
import { alignedRows, counted, formatTime } from './words.ts';

const actions = ['ls', 'retry', 'aside', 'replay', 'drop'] as const;

export async function sinks({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, [name, ...events]] = actionOf('sinks', words, actions);
  const daemon = await requireDaemon(flags);
  if (action === 'ls') return list(daemon, terminal);
  if (name === undefined) {
    throw new Fault('invalid', `wherry sinks ${action} needs a sink; \`wherry sinks ls\` lists them.`);
  }
  const { client } = daemon;
  const params = { id: await idOf(daemon, name) };
  const say = (object: object, line: string) => (terminal.json ? terminal.object(object) : terminal.say(line));
  switch (action) {
    case 'retry': {
      const sink = await client.call('retrySink', { params });
      say({ type: 'sink', ...sink }, `${displayPath(sink.name)}: told again now`);
      return 0;
    }
    case 'replay': {
      const outcome = await client.call('replaySetAside', { params, body: { events } });
      const { taken, refused } = outcome;
      const rest = refused === 0 ? '' : `; ${counted(refused, 'event')} not taken, still set aside`;
      say({ type: 'replayed', ...outcome }, `${displayPath(name)}: ${counted(taken, 'event')} taken${rest}`);
      return refused === 0 ? 0 : 1;
    }
    case 'drop': {
      const { dropped } = await client.call('dropSetAside', { params, body: { events } });
      say({ type: 'dropped', dropped }, `${displayPath(name)}: ${counted(dropped, 'event')} dropped`);
      return 0;
    }
    case 'aside': {
      const { rows } = await client.call('listSetAside', { params });
      if (terminal.json) for (const row of rows) terminal.object({ ...row, type: 'set-aside', event: row.type });
      else {
        const cells = rows.map(({ id, type, path, setAsideAt, error }) => [
          ...[id, formatTime(setAsideAt), type, displayPath(path ?? '')],
          displayPath(error.message),
        ]);
        for (const line of alignedRows([['ID', 'SET ASIDE', 'EVENT', 'FILE', 'WHY'], ...cells])) terminal.out(line);
      }
      return 0;
    }
  }
}

async function list({ client }: DaemonLink, terminal: VerbCall['terminal']): Promise<number> {
  const { rows } = await client.call('listSinks');
  if (terminal.json) for (const row of rows) terminal.object({ type: 'sink', ...row });
  else {
    const cells = rows.map(({ name, kind, state, delivered, behind, setAside, target }) => [
      ...[displayPath(name), kind, state, String(delivered), String(behind), String(setAside), displayPath(target)],
    ]);
    const head = ['NAME', 'KIND', 'STATE', 'TAKEN', 'BEHIND', 'ASIDE', 'TARGET'];
    for (const line of alignedRows([head, ...cells])) terminal.out(line);
  }
  return 0;
}

/** By its id or its name. */
async function idOf({ client }: DaemonLink, given: string): Promise<string> {
  const { rows } = await client.call('listSinks');
  const found = rows.find(({ id, name }: SinkView) => id === given || name === given);
  if (found === undefined)
    throw new Fault('not_found', `There is no sink ${displayPath(given)}; \`wherry sinks ls\` lists them.`);
  return found.id;
}
