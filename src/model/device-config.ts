// What the configuration says of devices: which plugins bring more kinds of them, and where to look.

import { z } from 'zod';

const address = z.string().min(1).max(300).describe('HOST or HOST:PORT');
const kind = z.string().regex(/^[a-z][a-z0-9_]{1,40}$/, { message: 'A kind is a word such as gopro.' });
const deviceId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, { message: 'An id holds letters, digits, dots, dashes.' });

export const pluginNameSchema = z
  .string()
  .min(1)
  .refine((text) => /^([./~]|(@[\w.-]+\/)?wherry-plugin-[\w.-]+$)/.test(text), {
    message: 'A plugin is a package named wherry-plugin-…, or a path that begins with ./, / or ~.',
  });

export const deviceConfigSchema = z.strictObject({
  pollSeconds: z.number().min(1).max(3600).default(5).describe('How often it is looked for what comes and goes'),
  without: z.array(kind).default([]).describe('Kinds that come with Wherry and are not wanted'),
  names: z.record(deviceId, z.string().min(1).max(200)).default({}).describe('Names for people, by device id'),
  mounted: z
    .strictObject({
      roots: z
        .array(z.string().min(1))
        .default(['/media', '/run/media', '/mnt', '/Volumes'])
        .describe('Cards are mounted below one of these'),
      folders: z
        .array(z.string().regex(/^[^/.][^/]*$/, { message: 'The name of a folder at the top of the card.' }))
        .min(1)
        .default(['DCIM', 'PRIVATE'])
        .describe('A card has one of these folders, and is offloaded from them'),
    })
    .prefault({})
    .describe('Cards and drives that this machine has mounted'),
  gphoto2: z
    .strictObject({
      ports: z
        .array(
          z.strictObject({
            port: z
              .string()
              .regex(/^[a-z]+:\S*/, { message: 'Write it as gphoto2 does: ptpip:192.168.1.20.' })
              .describe('As gphoto2 writes it: ptpip:192.168.1.20'),
            camera: z.string().min(1).describe('As `gphoto2 --list-cameras` writes it'),
            name: z.string().min(1).max(200).optional().describe('For people'),
          }),
        )
        .default([])
        .describe('Ports beside USB'),
    })
    .prefault({})
    .describe('Cameras by PTP and other protocols'),
  osc: z
    .strictObject({ addresses: z.array(address).default([]).describe('HOST or HOST:PORT of each') })
    .prefault({})
    .describe('360° cameras by HTTP'),
  gopro: z
    .strictObject({ addresses: z.array(address).default([]).describe('Beside those found by USB and WLAN') })
    .prefault({})
    .describe('GoPro cameras by HTTP'),
  known: z
    .array(
      z.strictObject({
        id: deviceId.describe('As its adapter makes it'),
        kind: kind.describe("The adapter's"),
        name: z.string().min(1).max(200).describe('For people'),
        address: address.optional(),
      }),
    )
    .default([])
    .describe('Devices of plugins that cannot look for them'),
});
export type DeviceConfig = z.output<typeof deviceConfigSchema>;
