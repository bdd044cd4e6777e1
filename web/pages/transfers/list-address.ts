// Filters and order of the list of transfers, as they stand in the address.

import type { Mode, TransferState } from '../../../src/model/transfer.ts';
import type { ListFilter, SortKey } from '../../live/transfer-list.ts';

export interface StateGroup {
  readonly key: string;
  readonly label: string;
  readonly states: readonly TransferState[];
}

/** The chips. A state stands in one of them only. */
export const stateGroups: readonly StateGroup[] = [
  { key: 'moving', label: 'Moving', states: ['transferring', 'transferred', 'processing'] },
  { key: 'queued', label: 'Queued', states: ['discovered', 'queued'] },
  { key: 'waiting', label: 'Waiting', states: ['waiting'] },
  { key: 'paused', label: 'Paused', states: ['paused'] },
  { key: 'failed', label: 'Failed', states: ['failed'] },
  { key: 'proven', label: 'Proven', states: ['completed'] },
  { key: 'cancelled', label: 'Cancelled', states: ['cancelled'] },
];

const modes: readonly string[] = ['copy', 'watch', 'sync', 'offload', 'share'];
const sorts: readonly string[] = ['created', 'updated', 'size', 'name'];

export function chosenGroups(query: URLSearchParams): readonly string[] {
  return (query.get('state') ?? '').split(',').filter((key) => stateGroups.some((group) => group.key === key));
}

/** What is not understood in an address is left out. */
export function filterFrom(query: URLSearchParams): ListFilter {
  const chosen = chosenGroups(query);
  const mode = query.get('mode') ?? '';
  const sort = query.get('sort') ?? '';
  return {
    states: stateGroups.filter((group) => chosen.includes(group.key)).flatMap((group) => group.states),
    job: query.get('job') ?? undefined,
    mode: modes.includes(mode) ? (mode as Mode) : undefined,
    search: query.get('q') ?? '',
    sort: sorts.includes(sort) ? (sort as SortKey) : 'created',
    order: query.get('order') === 'asc' ? 'asc' : 'desc',
  };
}

/** Whether the list stands by jobs. */
export function isGrouped(query: URLSearchParams): boolean {
  return query.get('group') === 'job';
}

export function isFiltered(filter: ListFilter): boolean {
  return filter.states.length > 0 || filter.job !== undefined || filter.mode !== undefined || filter.search !== '';
}
