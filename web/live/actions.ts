// Pause, resume, cancel and retry: asks the daemon, tells the page's rows, and says in a note what came of it.

import type { Action, TransferView } from '../../src/model/views.ts';
import { api } from '../api.ts';
import { counted } from '../words/amounts.ts';
import { learnJobs, learnTransfers } from './live-store.ts';
import { note, noteFault } from './notes.ts';

const done: Readonly<Record<Action, string>> = {
  pause: 'Paused',
  resume: 'Resumed',
  cancel: 'Cancelled',
  retry: 'Queued again',
};

const mostAtOnce = 500;

/** Asks for those of the transfers whose state takes the action; the others are left alone without a word. */
export async function actOnTransfers(action: Action, transfers: readonly TransferView[]): Promise<void> {
  const able = transfers.filter((transfer) => transfer.actions.includes(action));
  if (able.length === 0) {
    note(
      'info',
      `Nothing here can be ${action === 'retry' ? 'tried again' : `${action}${action === 'cancel' ? 'led' : 'd'}`} now.`,
    );
    return;
  }
  await actOnIds(
    action,
    able.map((transfer) => transfer.id),
  );
}

/**
 * For a large selection whose rows are not all at hand: those that do not take the action are passed over.
 * Never rejects: what went wrong is said in a note.
 */
export async function actOnIds(action: Action, ids: readonly string[]): Promise<void> {
  let succeeded = 0;
  const problems: { readonly text: string; readonly remedy: string | undefined }[] = [];
  try {
    for (let at = 0; at < ids.length; at += mostAtOnce) {
      const { results } = await api.call('actOnTransfers', { body: { action, ids: ids.slice(at, at + mostAtOnce) } });
      learnTransfers(results.flatMap((result) => result.transfer ?? []));
      for (const result of results) {
        if (result.ok) succeeded += 1;
        else if (result.problem?.code !== 'state_conflict' || ids.length === 1) {
          problems.push({
            text: result.problem?.detail ?? 'The daemon refused without a reason.',
            remedy: result.problem?.remedy,
          });
        }
      }
    }
  } catch (error) {
    noteFault(error);
    return;
  }
  const [problem] = problems;
  if (problem === undefined) {
    note('info', `${done[action]}: ${counted(succeeded, 'transfer')}.`);
  } else {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    note(
      'problem',
      `${succeeded > 0 ? `${done[action]}: ${counted(succeeded, 'transfer')}. ` : ''}${problem.text}${more}`,
      problem.remedy === undefined ? {} : { remedy: problem.remedy },
    );
  }
}

const jobRoutes = { pause: 'pauseJob', resume: 'resumeJob', cancel: 'cancelJob', retry: 'retryJob' } as const;

/** Never rejects: what went wrong is said in a note. */
export async function actOnJob(action: Action, job: { readonly id: string; readonly title: string }): Promise<void> {
  try {
    const after = await api.call(jobRoutes[action], { params: { id: job.id } });
    learnJobs([after]);
    note('info', `${done[action]}: ${job.title}.`);
  } catch (error) {
    noteFault(error);
  }
}
