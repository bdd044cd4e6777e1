// Whether a file goes through a pipeline: by the kind of its device and its name. Pure.

import type { Pipeline } from '../../model/pipeline.ts';
import { compileGlob } from '../glob.ts';

/** A glob without a slash is matched with the name alone; case does not matter. */
export function fitsPipeline(pipeline: Pipeline, path: string, deviceKind: string | null): boolean {
  const { deviceKinds, files } = pipeline;
  if (deviceKinds !== undefined && (deviceKind === null || !deviceKinds.includes(deviceKind))) return false;
  return files === undefined || files.some((glob) => compileGlob(glob, { ignoreCase: true, basename: true })(path));
}
