// The mode "offload": what a batch must be like, what would be done, and a batch while it runs. It is a copy from a device's endpoint to a folder.

import { join } from 'node:path';
import type { RemoteFile } from '../../devices/device.ts';
import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type { Pipeline, StepRecord } from '../../model/pipeline.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { RecordingDevice } from '../../model/recording.ts';
import type { JobRequest, OffloadSpec } from '../../model/specs.ts';
import type { Transfer } from '../../model/transfer.ts';
import { parseBandwidth } from '../bandwidth-plan.ts';
import type { PlannedItem } from '../engine.ts';
import type { Mode, ModeHost, ModeParts, ModeRun, NewTransfer, Prepared } from '../mode.ts';
import { moveOptions } from '../move-options.ts';
import type { Processing } from '../processing.ts';
import { recordingOf } from '../recording-of.ts';
import { createSelection } from '../selection.ts';
import { pendingDeletion } from './deletions.ts';
import { type MeantFiles, meantFiles } from './device-files.ts';
import { type Devices, deviceAddress, findDevice, untilConnected } from './devices.ts';
import { choosePipeline } from './pipeline-choice.ts';
import { createDeviceLine, fileKey, takenFrom, takes } from './taken.ts';
import { writeHistory } from './write-history.ts';

export interface OffloadParts {
  readonly devices: Devices;
  readonly pipelines: () => readonly Pipeline[];
  /** Absolute; the default folders lie in it. */
  readonly mediaFolder: () => string | null;
  /** Tries a transfer again that an earlier batch has failed or cancelled. */
  readonly retry: (transferId: string) => Promise<void>;
}

/** A checked batch: folders are absolute, and the device is described as it was when it was asked for. */
export interface PreparedOffload extends OffloadSpec {
  readonly downloadDir: string;
  readonly processedDir: string;
  readonly described: RecordingDevice;
}

export function createOffloadMode(parts: OffloadParts): Mode {
  const inLine = createDeviceLine();
  return {
    kind: 'offload',
    processes: true,
    prepare: (request) => prepare(request, parts),
    plan: (request, modeParts, signal) => plan(request, parts, modeParts, signal),
    open: (job, host) => openOffload(job, host, parts, inLine),
    isRefusal: (transfer) => transfer.sizeBytes === null,
  };
}

async function prepare(request: JobRequest, { devices, mediaFolder, pipelines }: OffloadParts): Promise<Prepared> {
  const spec = await checkedSpec(request);
  if (findDevice(devices, spec.device) === undefined) await devices.look();
  const found = findDevice(devices, spec.device);
  const known = (request as Partial<PreparedOffload>).described;
  if (found === undefined && known === undefined) {
    throw new Fault(
      'not_found',
      `No device ${displayPath(spec.device)} has been seen. \`wherry devices\` lists those that have.`,
    );
  }
  if (spec.pipeline !== null) choosePipeline(spec, pipelines(), { path: '', deviceKind: null, adapter: undefined });
  const described = found === undefined ? known : deviceOf(found.info);
  const inMedia = (folder: string): string => {
    const media = mediaFolder();
    if (media !== null) return join(media, 'transfers', folder);
    throw new Fault('invalid', 'The batch names no folder for its files, and no media folder is configured.');
  };
  const prepared = {
    ...spec,
    downloadDir: absolute(spec.downloadDir ?? inMedia('downloads')),
    processedDir: absolute(spec.processedDir ?? inMedia('processed')),
    described,
  };
  const name = `${displayPath(described?.name ?? spec.device)} → ${displayPath(prepared.downloadDir)}`;
  return { spec: prepared, name, priority: spec.priority, keys: [] };
}

async function checkedSpec(request: JobRequest): Promise<OffloadSpec> {
  // A job's own spec may be checked again.
  const { described: _, ...wishes } = request as JobRequest & Partial<PreparedOffload>;
  const { offloadSpecSchema } = await import('../../model/specs.ts');
  const read = offloadSpecSchema.safeParse(wishes);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Fault(
      'invalid',
      `The batch cannot be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    );
  }
  createSelection(read.data.include, read.data.exclude);
  if (read.data.bandwidth !== null) parseBandwidth(read.data.bandwidth);
  return read.data;
}

function absolute(folder: string): string {
  const address = parseEndpoint(folder, process.cwd());
  if (address.scheme === 'file') return formatEndpoint(address);
  throw new Fault(
    'unsupported',
    `${displayPath(folder)} is not a folder of this machine, where files could be processed.`,
  );
}

function deviceOf({ id, kind, name }: RecordingDevice): RecordingDevice {
  return { id, kind, name };
}

async function* plan(
  request: JobRequest,
  parts: OffloadParts,
  { reader }: ModeParts,
  signal?: AbortSignal,
): AsyncIterable<PlannedItem> {
  const { spec } = await prepare(request, parts);
  const batch = spec as PreparedOffload;
  const { files, refused } = await meantFiles(batch, parts.devices, signal === undefined ? {} : { signal });
  const taken = await takenFrom(reader, batch.device);
  for (const file of files) {
    const { path, size } = file;
    if (taken.has(fileKey(file))) yield { action: 'skip', path, sizeBytes: size, reason: 'was taken before' };
    else yield { action: 'copy', path, sizeBytes: size };
  }
  for (const { path, fault } of refused) yield { action: 'refuse', path, sizeBytes: 0, reason: fault.message };
}

function openOffload(
  job: Job,
  host: ModeHost,
  parts: OffloadParts,
  inLine: ReturnType<typeof createDeviceLine>,
): ModeRun {
  const spec = job.spec as PreparedOffload;
  const { devices } = parts;
  const options = moveOptions(spec);

  let looked: { readonly at: number; readonly look: Promise<void> } | undefined;

  const list = async (signal: AbortSignal): Promise<MeantFiles> => {
    for (;;) {
      try {
        return await meantFiles(spec, devices, { signal });
      } catch (error) {
        signal.throwIfAborted();
        const fault = asFault(error);
        // A device that nobody has seen since the start is away, too: it was known when it was asked for.
        if (fault.code !== 'device' && fault.code !== 'not_found') throw fault;
        await host.wait('device', awayFault(spec), null);
        await untilConnected(devices, spec.device, signal);
        await host.endWait();
      }
    }
  };

  const find = async (signal: AbortSignal): Promise<void> => {
    const meant = await list(signal);
    await inLine(spec.device, () => take(meant, signal));
  };

  const take = async ({ files, refused }: MeantFiles, signal: AbortSignal): Promise<void> => {
    const own = new Set<string>();
    for await (const row of host.rows(['failed', 'cancelled'])) if (row.sizeBytes === null) own.add(row.source.path);
    const taken = await takenFrom(host.reader, spec.device);
    const fresh: RemoteFile[] = [];
    host.found(
      files.length,
      files.reduce((sum, { size }) => sum + size, 0),
    );
    for (const file of files) {
      signal.throwIfAborted();
      const transferId = taken.get(fileKey(file));
      if (transferId === undefined || (await isGone(transferId, host))) fresh.push(file);
      else await again(transferId, file);
    }
    const byPath = new Map(fresh.map((file) => [file.path, file]));
    await host.add(fresh.map(newTransfer), 'queued', {}, ({ id, source }) => {
      const file = byPath.get(source.path);
      return file === undefined ? [] : [takes(spec.device, file, id)];
    });
    const unheard = refused.filter(({ path }) => !own.has(path));
    host.found(unheard.length, 0);
    if (unheard.length > 0) {
      await host.refuse(unheard.map(({ path, fault }) => ({ file: newTransfer({ path, size: 0 }), fault })));
    }
  };

  /** Somebody asks for a file that has its transfer: it goes on if it had ended without success, and is not counted as this batch's. */
  const again = async (transferId: string, { size }: RemoteFile) => {
    const known = await host.reader.transfer(transferId);
    if (known?.jobId === job.id) return;
    host.skipped(1, size);
    if (known?.state !== 'failed' && known?.state !== 'cancelled') return;
    try {
      await parts.retry(transferId);
    } catch (error) {
      host.log.warn({ jobId: job.id, transferId, fault: asFault(error).report() }, 'It could not be tried again');
    }
  };

  const newTransfer = ({ path, size, mtime }: RemoteFile): NewTransfer => ({
    source: { endpoint: deviceAddress(spec.device), path },
    destination: { endpoint: spec.downloadDir, path },
    sizeBytes: size,
    mtimeMs: mtime ?? null,
    fileMode: null,
    associateWith: spec.associateWith,
  });

  const processing = (transfer: Transfer): Processing | null => {
    const { kind } = spec.described;
    const path = transfer.publishedPath ?? transfer.destination.path;
    const about = { path, deviceKind: kind, adapter: devices.adapterOf(kind) };
    const pipeline = choosePipeline(spec, parts.pipelines(), about);
    if (pipeline === null) return null;
    return { pipeline, processedFolder: spec.processedDir, relativePath: path, deviceKind: kind };
  };

  return {
    find,
    options: () => options,
    mostAtOnce: spec.transfers,
    bandwidth: spec.bandwidth,
    processing,
    completing: (transfer: Transfer, receipt: Receipt, steps: readonly StepRecord[]) => [
      { kind: 'put_recording', recording: recordingOf(transfer, receipt, steps, spec.described, host.clock.now()) },
      ...(spec.deleteAfterCopies === null ? [] : [pendingDeletion(transfer, receipt, spec)]),
    ],
    judge: async (transfer, fault) => {
      if (!mayMeanAway.has(fault.code)) return fault;
      const now = host.clock.monotonic();
      // Many files may fail of the same.
      if (looked === undefined || now - looked.at > lookedMs) looked = { at: now, look: devices.look() };
      await looked.look.catch(() => undefined);
      if (findDevice(devices, spec.device)?.connected === true) return fault;
      const text = `${displayPath(spec.described.name)} went away while ${displayPath(transfer.source.path)} was read.`;
      return new Fault('device', text, { cause: fault, place: { endpoint: deviceAddress(spec.device) } });
    },
    // Two batches into one folder write one after the other.
    finish: () => inLine(`history ${spec.downloadDir}`, () => writeHistory(spec, host)),
    places: () => [{ role: 'destination', endpoint: spec.downloadDir }],
  };
}

/** For so long a look at the devices tells of all that fails meanwhile. */
const lookedMs = 500;

/** What reading from a device that goes away looks like. */
const mayMeanAway = new Set([
  ...['io', 'not_found', 'unreachable', 'timeout', 'network', 'stalled', 'source_changed', 'permission', 'internal'],
]);

/** Forgotten with its history before it had come to a good end. */
async function isGone(transferId: string, host: ModeHost): Promise<boolean> {
  const known = await host.reader.transfer(transferId);
  return known === undefined && (await host.reader.recording(transferId)) === undefined;
}

function awayFault({ device, described }: PreparedOffload): Fault {
  return new Fault('device', `${displayPath(described.name)} is away; connect it again.`, {
    place: { endpoint: deviceAddress(device) },
  });
}
