// What the configuration says of rooms: their limits, the times after which something ends, types that are refused, and servers for the direct way.

import { z } from 'zod';
import { relayConfigSchema } from './relay-config.ts';
import { sizeSchema } from './size-schema.ts';

const count = (usual: number, most: number) => z.int().min(1).max(most).default(usual);
const seconds = (usual: number) => z.number().min(1).max(31_536_000).default(usual);
const mime = z.string().regex(/^(\*|[\w.+-]+)\/(\*|[\w.+-]+)$/, 'type/subtype, where * stands for any');

const typesSchema = z.strictObject({
  allow: z.array(mime).min(1).default(['*/*']).describe('Types that may be offered'),
  deny: z.array(mime).default([]).describe('Types that may not, whatever `allow` says'),
  executables: z.boolean().default(false).describe('Programs and scripts may be offered, too'),
});

const timesSchema = z.strictObject({
  presenceSeconds: seconds(30).describe('Unheard of for so long, a member is shown as away'),
  replaySeconds: seconds(300).describe('For so long messages are kept for whoever comes back'),
  offerSeconds: seconds(3600).describe('An offer that nobody has accepted ends'),
  idleSeconds: seconds(3600).describe('A transfer that has not moved for so long ends'),
  silenceSeconds: seconds(30).describe('Both are there and nothing moves: it ends with timeout'),
  senderSeconds: seconds(300).describe('The sender is away for so long: its transfers end'),
  forgetDays: z.number().min(1).max(3650).default(30).describe('A room that nobody has come to for so long is removed'),
});

const ratesSchema = z.strictObject({
  messagesPerMinute: count(1200, 1_000_000).describe('What one member may say on its socket, but for bytes'),
  offersPerMinute: count(600, 1_000_000).describe('Offers of one member'),
  pendingOffers: count(1000, 100_000).describe('Offers of one member that wait for an answer'),
  joinsPerMinute: count(60, 100_000).describe('Members that come into one room'),
  wrongCodesPerMinute: count(10, 10_000).describe(
    'Of one address at one room; then nobody gets in from there for a minute',
  ),
});

const iceServerSchema = z
  .strictObject({
    urls: z
      .array(z.string().regex(/^(stun|turn)s?:\S+$/, 'stun:HOST:PORT or turn:HOST:PORT'))
      .min(1)
      .max(10)
      .describe('stun:HOST:PORT, turn:HOST:PORT?transport=udp'),
    username: z.string().min(1).max(255).optional().describe('Left out with secretFile: it is made for each member'),
    credentialFile: z.string().min(1).optional().describe('A file whose first line is the password'),
    secretFile: z
      .string()
      .min(1)
      .optional()
      .describe("A file whose first line is the secret shared with the server (coturn's static-auth-secret)"),
  })
  .refine((server) => server.credentialFile === undefined || server.secretFile === undefined, {
    message: 'A server has either credentialFile or secretFile.',
  });

export const roomsConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Rooms can be made'),
  maxFile: sizeSchema.default(500_000_000).describe('Largest file'),
  chunkSize: sizeSchema
    .default(65_536)
    .refine((bytes) => bytes >= 16_384 && bytes <= 1_048_576, { message: 'From 16KiB to 1MiB.' })
    .describe('Bytes of one chunk'),
  members: count(50, 50).describe('Members of a room'),
  rooms: count(1000, 100_000).describe('Rooms at once'),
  runningTransfers: count(10, 1000).describe('Files that move at once in a room'),
  runningPerMember: count(5, 1000).describe('Of them from or to one member'),
  keptTransfers: count(1000, 100_000).describe('Ended transfers that a room remembers'),
  types: typesSchema.prefault({}).describe('Which files may be offered, by declared type and by ending'),
  times: timesSchema.prefault({}).describe('When something ends by itself'),
  rates: ratesSchema.prefault({}).describe('How much one member may ask'),
  iceServers: z.array(iceServerSchema).max(10).default([]).describe('STUN and TURN servers for the direct way'),
  relay: relayConfigSchema.prefault({}).describe('The way through this server'),
});
export type RoomsConfig = z.output<typeof roomsConfigSchema>;
export type IceServerConfig = RoomsConfig['iceServers'][number];

/** As RTCPeerConnection takes it. */
export const iceServerViewSchema = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
});
export type IceServerView = z.output<typeof iceServerViewSchema>;
