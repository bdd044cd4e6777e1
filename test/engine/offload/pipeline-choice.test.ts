// Which pipeline a file from a device goes through.

import { expect, it } from 'vitest';
import type { DeviceAdapter } from '../../../src/devices/device.ts';
import { choosePipeline } from '../../../src/engine/offload/pipeline-choice.ts';
import { type Pipeline, pipelineSchema } from '../../../src/model/pipeline.ts';

const photos: Pipeline = pipelineSchema.parse({ name: 'photos', files: ['*.jpg'], steps: [{ step: 'checksum' }] });
const films: Pipeline = pipelineSchema.parse({ name: 'films', files: ['*.mp4'], steps: [{ step: 'thumbnail' }] });
const plain: DeviceAdapter = { kind: 'plain', connect: () => Promise.reject(new Error('not asked for')) };
const clever: DeviceAdapter = { ...plain, kind: 'clever', process: () => Promise.reject(new Error('not asked for')) };

const chosen = (path: string, adapter: DeviceAdapter, pipeline: string | null = null) =>
  choosePipeline({ pipeline }, [photos, films], { path, deviceKind: adapter.kind, adapter });

it('is the first that fits, where nobody says otherwise', () => {
  expect(chosen('DCIM/a.JPG', plain)).toBe(photos);
  expect(chosen('DCIM/a.txt', plain)).toBeNull();
});

it('is none where the adapter processes by itself', () => {
  expect(chosen('DCIM/a.jpg', clever)).toEqual({ name: 'clever', steps: [] });
});

it('is the one that the batch names, whatever the adapter could do', () => {
  expect(chosen('DCIM/a.jpg', clever, 'films')).toBe(films);
  expect(chosen('DCIM/a.jpg', clever, 'none')).toBeNull();
  expect(() => chosen('DCIM/a.jpg', clever, 'sound')).toThrow(expect.objectContaining({ code: 'config_invalid' }));
});
