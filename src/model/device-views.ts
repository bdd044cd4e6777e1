// What the API gives of devices: who is there, and what files they hold.

import { z } from 'zod';
import { faultViewSchema, pathViewSchema } from './views.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');

export const batteryViewSchema = z.object({ percent: z.number().min(0).max(100), charging: z.boolean().optional() });

export const deviceViewSchema = z.object({
  id: z.string().describe('The same each time this very device comes; `device://<id>/` is its address'),
  kind: z.string().describe('Of the adapter that knows it'),
  name: z.string(),
  model: z.string().nullable(),
  serial: z.string().nullable(),
  address: z.string().nullable().describe('How it is reached now: a mount point, a port, a host'),
  connected: z.boolean(),
  since: time.describe('Since when it is there, or away'),
  fault: faultViewSchema.nullable().describe('Why it cannot be opened although it is there'),
  battery: batteryViewSchema.nullable().describe('Null where it has none, or has not been asked yet'),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

export const adapterTroubleViewSchema = z.object({ kind: z.string(), fault: faultViewSchema });

export const deviceListViewSchema = z.object({
  rows: z.array(deviceViewSchema),
  troubles: z.array(adapterTroubleViewSchema).describe('Kinds of devices that cannot be looked for at present'),
});

export const deviceFileViewSchema = pathViewSchema.extend({
  sizeBytes: z.number().nonnegative(),
  mtime: time.nullable().describe('Null where the device tells none'),
  mediaType: z.string().nullable(),
  companions: z.array(z.string()).describe('Files that belong to it'),
  transferId: z.string().nullable().describe('Of the transfer that took it as it is now; null: it has not been taken'),
});
export type DeviceFileView = z.infer<typeof deviceFileViewSchema>;

export const deviceFilesViewSchema = z.object({
  rows: z.array(deviceFileViewSchema).describe('In order of their paths'),
  total: z.int(),
  totalBytes: z.number().nonnegative(),
  taken: z.int().describe('How many of them have been taken before, as they are now'),
  refused: z
    .array(z.object({ path: z.string(), fault: faultViewSchema }))
    .describe('Files that cannot be taken, and why; the first hundred'),
  nextCursor: z.string().nullable(),
});
