// What the media options of a sync mean, as a pipeline: results stand beside their originals, which no step touches. Pure.

import type { Pipeline, StepRequest } from '../../model/pipeline.ts';
import type { SyncMedia } from '../../model/sync-spec.ts';
import type { Processing } from '../processing.ts';

/** Null where nothing is to be done. Whatever of it cannot be done with a file is noted, and does not keep the original from counting. */
export function mediaPipeline(media: SyncMedia): Pipeline | null {
  const { hashes, metadata, xmp, overwriteXmp, thumbnails } = media;
  const step = (name: string, more: Readonly<Record<string, unknown>> = {}): StepRequest => ({
    step: name,
    timeoutMinutes: 10,
    optional: true,
    ...more,
  });
  const steps = [
    ...(hashes ? [step('checksum', { algorithms: ['sha256'] })] : []),
    ...(metadata ? [step('metadata', { file: false })] : []),
    ...(xmp ? [step('xmp', { existing: overwriteXmp ? 'replace' : 'keep' })] : []),
    ...(thumbnails ? [step('thumbnail', { existing: 'replace' })] : []),
  ];
  return steps.length === 0 ? null : { name: 'media', steps };
}

/** Names of media; what else a generator leaves (texts, models) has none of it. */
export const mediaFiles =
  /\.(jpg|jpeg|jpe|png|webp|tif|tiff|bmp|gif|insp|mp4|mov|m4v|mkv|webm|avi|mts|m2ts|ts|mxf|mpg|mpeg|3gp|wmv|lrv|insv|360|mjpeg|wav|mp3|m4a|aac|flac|ogg|opus|aif|aiff)$/i;

/**
 * For `ModeRun.processing`: what a file goes through that was published at `path` below `destination`; null for what is no media file, unless
 * hashes are asked for, and for places that are not on this machine.
 */
export function mediaProcessing(media: SyncMedia, destination: string, path: string): Processing | null {
  if (!destination.startsWith('/')) return null;
  const pipeline = mediaPipeline(mediaFiles.test(path) ? media : { ...nothing, hashes: media.hashes });
  if (pipeline === null) return null;
  return { pipeline, processedFolder: destination, relativePath: path, deviceKind: null, beside: true };
}

const nothing = {
  hashes: false,
  metadata: false,
  xmp: false,
  overwriteXmp: false,
  thumbnails: false,
  dedup: 'off',
} as const;
