// Events as sentences for a timeline.

import { size } from './amounts.ts';
import { changeText } from './changes.ts';
import type { Tone } from './states.ts';
import { waitWords } from './states.ts';

export interface FactText {
  readonly text: string;
  /** A second line: why, or how much. */
  readonly more: string | undefined;
  readonly tone: Tone;
}

type Data = Readonly<Record<string, unknown>>;

const transferFacts: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  discovered: ['Seen at the source', 'still'],
  queued: ['Queued', 'still'],
  'download.started': ['Began to move', 'moves'],
  'download.completed': ['Arrived, verified and published', 'proven'],
  'download.failed': ['Failed', 'needs'],
  'processing.started': ['Processing began', 'moves'],
  'processing.completed': ['Processed', 'proven'],
  'processing.failed': ['Processing failed', 'needs'],
  retry_scheduled: ['Broke off, will be tried again', 'waits'],
  waiting: ['Waits', 'waits'],
  paused: ['Paused', 'still'],
  resumed: ['Resumed', 'still'],
  cancelled: ['Cancelled', 'still'],
  completed: ['Proven', 'proven'],
};

const otherFacts: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  'job.created': ['Job created', 'still'],
  'job.started': ['Job began', 'moves'],
  'job.planned': ['Everything found', 'still'],
  'job.waiting': ['Job waits', 'waits'],
  'job.paused': ['Job paused', 'still'],
  'job.resumed': ['Job resumed', 'still'],
  'job.completed': ['Job completed, everything proven', 'proven'],
  'job.partial': ['Job ended, some files failed', 'needs'],
  'job.failed': ['Job failed', 'needs'],
  'job.cancelled': ['Job cancelled', 'still'],
  'job.history_written': ['History of hashes written', 'proven'],
  'job.history_failed': ['History of hashes could not be written', 'needs'],
  'watch.created': ['Watch created', 'still'],
  'watch.updated': ['Watch changed', 'still'],
  'watch.waiting': ['Watch waits', 'waits'],
  'watch.recovered': ['Watch is well again', 'proven'],
  'watch.events_tested': ['File events tested', 'still'],
  'storage.changed': ['Storage changed', 'waits'],
  'mount.unreachable': ['A place does not answer', 'needs'],
  'mount.recovered': ['A place answers again', 'proven'],
  'device.connected': ['Device connected', 'still'],
  'device.disconnected': ['Device disconnected', 'waits'],
  'device.connection_status.update': ['Somebody said how a device stands', 'still'],
  'sync.created': ['Sync made', 'still'],
  'sync.updated': ['Sync changed', 'still'],
  'sync.removed': ['Sync removed', 'still'],
  'sync.skipped': ['A run was due while the last one went on', 'waits'],
  'sync.folder_failed': ['A folder could not be synced', 'needs'],
  'sync.files_renamed': ['Files renamed at the destination', 'still'],
  'sync.files_deleted': ['Files deleted at the destination', 'still'],
  'sync.deletes_refused': ['Nothing was deleted at the destination', 'needs'],
  'sync.finished': ['Sync looked through everything', 'still'],
  'sink.behind': ['A sink is behind', 'needs'],
  'sink.recovered': ['A sink has caught up', 'proven'],
  'sink.set_aside': ['A sink does not take something; it is set aside', 'needs'],
  'sync.file_deleted': ['File deleted at the source, after its proof', 'still'],
  'sync.cleaned': ['Source cleaned up', 'still'],
  'room.created': ['Room made', 'still'],
  'room.closed': ['Room closed', 'still'],
  'room.member_joined': ['Somebody came into a room', 'still'],
  'room.member_left': ['Somebody left a room', 'still'],
  'room.member_changed': ['What a member of a room may do was changed', 'still'],
  'room.join_refused': ['Somebody knocked at a room with a wrong link', 'needs'],
  'room.transfer_offered': ['File offered in a room', 'still'],
  'room.transfer_accepted': ['File accepted in a room', 'moves'],
  'room.transfer_rejected': ['File rejected in a room', 'still'],
  'room.transfer_paused': ['File paused in a room', 'waits'],
  'room.transfer_resumed': ['File goes on in a room', 'moves'],
  'room.transfer_completed': ['File arrived in a room, proven by both sides', 'proven'],
  'room.transfer_failed': ['File failed in a room', 'needs'],
  'room.transfer_cancelled': ['File cancelled in a room', 'still'],
  'device.file_deleted': ['File deleted on a device, after its proof', 'still'],
  'config.reloaded': ['Configuration read again', 'still'],
  'config.refused': ['Configuration not taken', 'needs'],
  'audit.changed': ['Somebody changed something', 'still'],
  'webhook.dead': ['A message to a webhook was given up', 'needs'],
  'webhook.gone': ['A webhook is gone', 'needs'],
};

/** An event whose name is not known shows that name. */
export function factText(name: string, data: Data): FactText {
  const short = name.replace(/^observation\./, '');
  const transfer = short.startsWith('transfer.') ? transferFacts[short.slice('transfer.'.length)] : undefined;
  const [text, tone] = transfer ?? otherFacts[short] ?? ([short, 'still'] as const);
  return { text: withReason(text, short, data), more: detail(data), tone };
}

function withReason(text: string, short: string, data: Data): string {
  const { reason, attempt } = data;
  if (short === 'transfer.waiting' && typeof reason === 'string') {
    return `Waits for ${(waitWords as Readonly<Record<string, string>>)[reason] ?? reason}`;
  }
  if (short === 'transfer.download.started' && typeof attempt === 'number' && attempt > 1) {
    return `Began to move, attempt ${attempt}`;
  }
  if (short === 'audit.changed' && typeof data.action === 'string') return changeText(data).what;
  return text;
}

function detail(data: Data): string | undefined {
  const { error, bytes, message, by } = data;
  if (typeof by === 'object' && by !== null && 'name' in by) return `by ${String(by.name)}`;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  if (typeof message === 'string') return message;
  if (typeof bytes === 'number') return size(bytes);
  return undefined;
}
