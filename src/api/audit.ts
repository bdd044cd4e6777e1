// Who changed what by the API: each change that was carried out becomes a fact in the ledger.

import type { Clock } from '../model/clock.ts';
import type { EventDraft } from '../model/event.ts';
import { displayPath } from '../model/names.ts';
import type { Caller } from './caller.ts';
import type { ApiLog } from './route.ts';
import type { RouteName } from './route-paths.ts';

export interface AuditedChange {
  readonly caller: Caller | undefined;
  /** Where it came from. */
  readonly address: string;
  /** The route's name, or that of a command. */
  readonly action: string;
  readonly params: unknown;
  readonly body: unknown;
}

export interface Audit {
  /** Never rejects: a change that was carried out stands, also where it cannot be noted; that is then logged. */
  note(change: AuditedChange): Promise<void>;
}

/** Routes that are asked by POST and change nothing. */
const looks: ReadonlySet<RouteName> = new Set(['planJob', 'planSync', 'planUnsavedSync', 'testRules', 'checkStorage']);
const mostText = 2_000;

/** Reading is no change; nor is a plan. */
export function isChange(route: RouteName, method: string): boolean {
  return method !== 'GET' && !looks.has(route);
}

export function openAudit(parts: {
  readonly append: (event: EventDraft) => Promise<void>;
  readonly clock: Clock;
  readonly log: ApiLog;
}): Audit {
  const { append, clock, log } = parts;
  return {
    note: async ({ caller, address, action, params, body }) => {
      const by = caller === undefined ? null : { kind: caller.kind, id: caller.id, name: displayPath(caller.name) };
      const data = { by, address, action, ...asked('params', params), ...asked('body', body) };
      try {
        await append({ name: 'observation.audit.changed', at: clock.now(), data });
      } catch (error) {
        log.error({ err: error, audit: data }, 'A change could not be noted in the ledger');
      }
    },
  };
}

/** What was asked for, but for what must not be read by whoever hears events: secrets, and addresses that may hold some. */
function asked(key: string, value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  const text = JSON.stringify(value, (name, inner: unknown) => (/secret|token|password|url/i.test(name) ? '…' : inner));
  if (text === '{}') return {};
  return { [key]: text.length > mostText ? `${text.slice(0, mostText)}…` : (JSON.parse(text) as unknown) };
}
