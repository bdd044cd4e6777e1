// What the configuration says of the relay: how much may wait on this machine for receivers of rooms, and who looks at it.

import { z } from 'zod';
import { sizeSchema } from './size-schema.ts';

const mebibyte = 2 ** 20;

export const relayConfigSchema = z.strictObject({
  allowed: z.boolean().default(true).describe('Bytes may go through this server'),
  bandwidth: sizeSchema.nullable().default(null).describe('Bytes a second for each room; null is no limit'),
  window: sizeSchema
    .default(64 * mebibyte)
    .refine((bytes) => bytes >= 4 * mebibyte, { message: 'At least 4MiB.' })
    .describe('What may wait here for one transfer until its receivers have it; then its sender is held back'),
  total: sizeSchema
    .default(4096 * mebibyte)
    .describe('What may wait on disk for all transfers together; beyond it their senders are held back'),
  reserve: sizeSchema.default(256 * mebibyte).describe('Room on the disk that is left free'),
  scan: z
    .strictObject({
      socket: z.string().min(1).default('/run/clamav/clamd.ctl').describe('Where clamd listens: a path, or HOST:PORT'),
      quietSeconds: z
        .number()
        .min(1)
        .max(86_400)
        .default(60)
        .describe('A scanner that says and takes nothing for so long counts as away'),
    })
    .nullable()
    .default(null)
    .describe('Has files of rooms with inspection scanned by clamd; without its verdict nobody gets their last part'),
});

export type RelayConfig = z.output<typeof relayConfigSchema>;
