// `wherry token`: makes, lists and ends the tokens by which programs use the API.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Scope } from '../model/views.ts';
import type { VerbCall } from './command-line.ts';
import { requireDaemon } from './daemon-client.ts';
import { actOnEach } from './list-actions.ts';
import { alignedRows, formatTime } from './words.ts';

const scopes: readonly Scope[] = ['read', 'write', 'management', 'admin'];

export async function token({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action = 'ls', ...rest] = words;
  const { client } = await requireDaemon(flags);
  if (action === 'create') {
    const name = rest.join(' ');
    if (name === '') throw new Fault('invalid', 'wherry token create needs a name for the token.');
    const wanted = flags.list('scope').flatMap((scope) => scope.split(','));
    const strange = wanted.find((scope) => !scopes.some((known) => known === scope));
    if (strange !== undefined)
      throw new Fault('invalid', `--scope takes ${scopes.join(', ')}; "${displayPath(strange)}" is none of them.`);
    const days = flags.number('days', 1, 3650);
    const created = await client.call('createToken', {
      body: {
        name,
        scopes: wanted.length === 0 ? ['read'] : (wanted as Scope[]),
        ...(days === undefined ? {} : { expiresInDays: days }),
      },
    });
    if (terminal.json) terminal.object({ type: 'token', ...created });
    else {
      terminal.say(`Token ${created.id} (${created.scopes.join(', ')}); this is the only time that it is shown:`);
      terminal.out(created.token);
    }
    return 0;
  }
  if (action === 'ls') {
    const { rows } = await client.call('listTokens');
    if (terminal.json) for (const row of rows) terminal.object({ type: 'token', ...row });
    else {
      const cells = rows.map(({ id, scopes: held, expiresAt, name }) => [
        id,
        held.join(','),
        expiresAt === null ? 'never' : formatTime(expiresAt),
        displayPath(name),
      ]);
      for (const line of alignedRows([['ID', 'SCOPES', 'ENDS', 'NAME'], ...cells])) terminal.out(line);
    }
    return 0;
  }
  if (action === 'revoke') {
    if (rest.length === 0) throw new Fault('invalid', 'wherry token revoke needs an id; `wherry token ls` lists them.');
    return actOnEach(terminal, rest, async (id) => {
      await client.call('revokeToken', { params: { id } });
      return { object: { type: 'revoked', id }, line: `${id}: revoked` };
    });
  }
  throw new Fault('invalid', `wherry token has no action "${displayPath(action)}". It takes create, ls and revoke.`);
}
