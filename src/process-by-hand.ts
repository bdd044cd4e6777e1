// `wherry process`: one file through a pipeline, in this process, as the daemon would do it after an offload.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Settings } from './config.ts';
import { pluginAdapters } from './config-devices.ts';
import type { DeviceAdapter } from './devices/device.ts';
import { openMounts } from './endpoints/mount-pool.ts';
import { fitsPipeline } from './engine/process/fits-pipeline.ts';
import { workRoot } from './engine/process/process-operations.ts';
import { createProcessRunner, processOperations } from './engine/process/process-runner.ts';
import { passingNotes } from './engine/process/work-notes.ts';
import { systemClock } from './model/clock.ts';
import { Fault } from './model/fault.ts';
import { baseName, displayPath, parentPath, pathBytes } from './model/names.ts';
import { type Derived, type Pipeline, pipelineSchema, type StepRecord } from './model/pipeline.ts';
import type { LocalFile } from './model/processing.ts';
import { createStepThreads } from './steps/step-threads.ts';

export interface HandRequest {
  /** Of the device that the file came from: chooses the pipeline, or the plugin that does without one. */
  readonly kind: string;
  /** Absolute. */
  readonly source: string;
  /** Absolute: a folder that all results go into, or with `isFile` the name of one of them. */
  readonly destination: string;
  readonly isFile: boolean;
  /** By its name, in place of the first that fits. */
  readonly pipeline: string | null;
}

export interface HandHooks {
  chosen(name: string, steps: number): void;
  stepDone(record: StepRecord): void;
  progress(fraction: number): void;
}

export interface HandResult {
  readonly pipeline: string;
  readonly records: readonly StepRecord[];
  /** Absolute. */
  readonly results: readonly string[];
}

/**
 * What an earlier run of the same made and did not bring to its end is gone on with. Rejects with `not_found`, `exists` (the destination),
 * `invalid` (nothing fits, or the pipeline makes no such file), `config_invalid` (a plugin), as the steps do, or with the signal's reason.
 */
export async function processByHand(
  request: HandRequest,
  settings: Pick<Settings, 'pipelines' | 'plugins' | 'file'>,
  hooks: HandHooks,
  signal: AbortSignal,
): Promise<HandResult> {
  const { source, destination, isFile } = request;
  const file = originalAt(source);
  if (isFile && existsSync(destination)) {
    throw new Fault('exists', `${displayPath(destination)} is already there; it is not written over.`);
  }
  const adapter = request.pipeline === null ? await processingAdapter(request.kind, settings) : undefined;
  const pipeline =
    adapter === undefined ? choose(request, settings.pipelines) : { name: displayPath(adapter.kind), steps: [] };
  hooks.chosen(pipeline.name, adapter === undefined ? pipeline.steps.length : 1);
  const root = isFile ? parentPath(destination) || '/' : destination;
  const id = `hand-${createHash('sha256')
    .update(JSON.stringify([source, destination, pipeline]))
    .digest('hex')
    .slice(0, 20)}`;
  const mounts = openMounts({ modules: [processOperations] });
  const threads = createStepThreads();
  const runner = createProcessRunner({ mounts, threads, clock: systemClock, notes: passingNotes(root) });
  try {
    const resultFolder = isFile ? `${workRoot}/${id}/results` : '';
    let stepsDone = 0;
    const stepDone = async (record: StepRecord) => {
      stepsDone += 1;
      hooks.stepDone(record);
    };
    const running = runner.run(
      {
        ...{ id, file, pipeline, processedFolder: root, relativePath: baseName(source), resultFolder, done: [] },
        ...(adapter === undefined ? {} : { adapter }),
      },
      { stepDone, progress: hooks.progress, beat: () => undefined },
      signal,
    );
    // Nothing that another run could go on with is left lying about.
    const records = await running.catch(async (error: unknown) => {
      if (stepsDone === 0) await runner.sweep(id).catch(() => undefined);
      throw error;
    });
    const derived = records.flatMap((record) => record.derived);
    let results = derived.map(({ path }) => path);
    if (isFile) {
      const wanted = resultFor(destination, pipeline, derived);
      const from = wanted.path.slice(root.length + (root === '/' ? 0 : 1));
      const to = baseName(destination);
      const deliver = (of: string, as: string) =>
        mounts.pool(root).run('process.deliver', { root, id, from: of, to: as });
      if (wanted.role === 'hls') {
        const folder = to.replace(/\.[^.]*$/, '.hls');
        const list = playlistInto(join(wanted.path, 'index.m3u8'), folder);
        const aside = join(root, workRoot, id, 'index.m3u8');
        writeFileSync(aside, list);
        await deliver(from, folder);
        await deliver(`${workRoot}/${id}/index.m3u8`, to);
        results = [destination, join(root, folder)];
      } else {
        await deliver(from, to);
        results = [destination];
      }
    }
    await runner.sweep(id);
    return { pipeline: pipeline.name, records, results };
  } finally {
    await threads.close();
    await mounts.close();
  }
}

function originalAt(path: string): LocalFile {
  const stats = statSync(Buffer.from(pathBytes(path)), { throwIfNoEntry: false });
  if (stats === undefined) throw new Fault('not_found', `${displayPath(path)} is not there.`);
  if (!stats.isFile()) throw new Fault('invalid', `${displayPath(path)} is not a file.`);
  return { path, sizeBytes: stats.size, mtimeMs: stats.mtimeMs, mediaType: null };
}

/** What knows by itself what to do with files of that kind: among the built-in ones none does. */
async function processingAdapter(
  kind: string,
  settings: Pick<Settings, 'plugins' | 'file'>,
): Promise<DeviceAdapter | undefined> {
  const loaded = await pluginAdapters(settings);
  return loaded.find(({ adapter }) => adapter.kind === kind && adapter.process !== undefined)?.adapter;
}

function choose(
  { kind, source, destination, isFile, pipeline: name }: HandRequest,
  known: readonly Pipeline[],
): Pipeline {
  if (name !== null) {
    const named = known.find((each) => each.name === name);
    if (named !== undefined) return named;
    const names = known.map((each) => each.name).join(', ') || 'none';
    throw new Fault('invalid', `There is no pipeline ${displayPath(name)}; there are: ${displayPath(names)}.`);
  }
  const ofKind = known.find((each) => each.deviceKinds !== undefined && fitsPipeline(each, baseName(source), kind));
  if (ofKind !== undefined) return ofKind;
  const simple = isFile ? simplePipeline(source, destination) : undefined;
  if (simple !== undefined) return simple;
  const any = known.find((each) => fitsPipeline(each, baseName(source), kind));
  if (any !== undefined && !isFile) return any;
  throw new Fault(
    'invalid',
    isFile
      ? `No pipeline is there for ${displayPath(kind)} that makes ${displayPath(extname(destination) || baseName(destination))}. Write one under pipelines:, or give a folder.`
      : `No pipeline fits ${displayPath(baseName(source))} of ${displayPath(kind)}. Write one under pipelines:, or name one with --pipeline.`,
  );
}

/** What the name of the destination says by itself. Originals of two lenses are stitched first. */
function simplePipeline(source: string, destination: string): Pipeline | undefined {
  const stitch = /\.(insv|360)$/i.test(source) ? [{ step: 'transcode', preset: 'stitch-equirect' }] : [];
  const from = stitch.length === 0 ? {} : { from: 'stitched' };
  const steps: Readonly<Record<string, readonly object[]>> = {
    '.m3u8': [...stitch, { step: 'transcode', preset: 'hls', ...from }],
    '.mp4': stitch.length === 0 ? [{ step: 'transcode', preset: 'h264-proxy' }] : stitch,
    '.jpg': [{ step: 'thumbnail', width: 1920 }],
    '.webp': [{ step: 'thumbnail', width: 1920, format: 'webp' }],
    '.xmp': [{ step: 'xmp' }],
    '.json': [{ step: 'metadata' }],
  };
  const found = steps[extname(destination).toLowerCase()];
  return found === undefined ? undefined : pipelineSchema.parse({ name: `to ${extname(destination)}`, steps: found });
}

/** The last result of the wanted type. */
function resultFor(destination: string, pipeline: Pipeline, derived: readonly Derived[]): Derived {
  const ending = extname(destination).toLowerCase();
  const found = derived.findLast(({ role, path }) =>
    ending === '.m3u8' ? role === 'hls' : extname(path).toLowerCase() === ending,
  );
  if (found !== undefined) return found;
  throw new Fault(
    'invalid',
    `The pipeline ${displayPath(pipeline.name)} made no ${displayPath(ending || 'such file')} of it.`,
  );
}

/** The playlist of playlists as it reads from beside the folder. */
function playlistInto(path: string, folder: string): string {
  const prefix = folder.split('/').map(encodeURIComponent).join('/');
  return readFileSync(path, 'utf8').replace(/^(?!#|\s*$)/gm, `${prefix}/`);
}
