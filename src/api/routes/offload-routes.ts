// Batches of devices' files, and the recordings that they become.

import type { FastifyReply } from 'fastify';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Recording } from '../../model/recording.ts';
import { jobView } from '../present.ts';
import { offloadSettings } from '../present-offload.ts';
import { custodyOf, recordingView } from '../present-recording.ts';
import { answered, type RouteCall, route, type Services } from '../route.ts';
import { sendFile } from '../send-file.ts';

async function found({ reader }: Services, id: string): Promise<Recording> {
  const recording = await reader.recording(id);
  if (recording === undefined) throw new Fault('not_found', `There is no recording ${displayPath(id)}.`);
  return recording;
}

async function content(
  services: Services,
  { params, call }: { params: { id: string; role: string }; call: RouteCall },
  inside?: string,
): Promise<typeof answered> {
  const file = await services.engine.recordedContent(await found(services, params.id), params.role, inside);
  // A recording may name what lies outside what this daemon may show.
  await services.roots.confine(file.path);
  const reply: FastifyReply = call.reply;
  await sendFile(file, call.request, reply, call.signal);
  return answered;
}

export const offloadRoutes = [
  route('getOffloadSettings', async (_, { engine }) => offloadSettings(engine)),
  route('queueBatch', async ({ body }, { engine, roots, hub }, { caller, engineKey }) => {
    await roots.confineJob({ kind: 'offload', ...body });
    const job = await engine.queueBatch(body, {
      ...(caller === undefined ? {} : { owner: caller.name }),
      ...(engineKey === undefined ? {} : { idempotencyKey: engineKey }),
    });
    return jobView(job, hub.jobProgress(job.id));
  }),
  route('listRecordings', async ({ query }, { reader }) => {
    const { job, device, associateWith, kind, from, until, search, cursor, limit, order } = query;
    const page = await reader.recordings({
      limit,
      newestFirst: order === 'desc',
      ...(job === undefined ? {} : { jobId: job }),
      ...(device === undefined ? {} : { deviceId: device }),
      ...(associateWith === undefined ? {} : { associateWith }),
      ...(kind === undefined ? {} : { kind }),
      ...(from === undefined ? {} : { recordedFrom: Date.parse(from) }),
      ...(until === undefined ? {} : { recordedUntil: Date.parse(until) }),
      ...(search === undefined ? {} : { search }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return { rows: page.rows.map(recordingView), nextCursor: page.nextCursor };
  }),
  route('getRecording', async ({ params }, services) => {
    const recording = await found(services, params.id);
    return { ...recordingView(recording), custody: custodyOf(recording) };
  }),
  route('getRecordingContent', ({ params }, services, call) => content(services, { params, call })),
  route('getRecordingFile', ({ params }, services, call) => content(services, { params, call }, params.file)),
  route('getRecordingFileBelow', ({ params }, services, call) =>
    content(services, { params, call }, `${params.folder}/${params.file}`),
  ),
];
