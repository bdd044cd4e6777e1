// Whether a file goes through a pipeline: by the kind of its device and its name. Pure.

import picomatch from 'picomatch';
import type { Pipeline } from '../../model/pipeline.ts';

export function fitsPipeline(pipeline: Pipeline, path: string, deviceKind: string | null): boolean {
  const { deviceKinds, files } = pipeline;
  if (deviceKinds !== undefined && (deviceKind === null || !deviceKinds.includes(deviceKind))) return false;
  return files === undefined || files.some((glob) => fitsGlob(glob, path));
}

/** A glob without a slash is matched with the name alone. */
function fitsGlob(glob: string, path: string): boolean {
  return picomatch.isMatch(path, glob, { nocase: true, dot: true, basename: !glob.includes('/') });
}
