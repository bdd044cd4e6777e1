// Which pipeline a file goes through: the one that its batch names, else what its device's adapter does itself, else the first that fits. Pure.

import type { DeviceAdapter } from '../../devices/device.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Pipeline } from '../../model/pipeline.ts';
import { fitsPipeline } from '../process/fits-pipeline.ts';

interface About {
  readonly path: string;
  readonly deviceKind: string | null;
  readonly adapter: DeviceAdapter | undefined;
}

/** Null: nothing is to be done. Throws `config_invalid` where a pipeline that is named is not there. */
export function choosePipeline(
  wish: { readonly pipeline: string | null },
  pipelines: readonly Pipeline[],
  { path, deviceKind, adapter }: About,
): Pipeline | null {
  if (wish.pipeline === 'none') return null;
  if (wish.pipeline !== null) {
    const named = pipelines.find(({ name }) => name === wish.pipeline);
    if (named !== undefined) return named;
    throw new Fault('config_invalid', `The configuration has no pipeline named ${displayPath(wish.pipeline)}.`);
  }
  // An adapter that knows what to do with its own files needs no steps, which no pipeline of the configuration is without.
  if (adapter?.process !== undefined) return { name: adapter.kind, steps: [] };
  return pipelines.find((pipeline) => fitsPipeline(pipeline, path, deviceKind)) ?? null;
}
