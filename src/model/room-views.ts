// Rooms as the API gives them to their members, and what it takes to make, join and change one.

import { z } from 'zod';
import { memberKinds, roomRoles } from './room.ts';
import { iceServerViewSchema } from './room-config.ts';
import { roomIdSchema, roomTransferViewSchema } from './room-contract.ts';

const permissionsSchema = z.object({ canShareFiles: z.boolean(), canManageMembers: z.boolean() });

export const memberViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(memberKinds),
  role: z.enum(roomRoles),
  permissions: permissionsSchema,
  present: z.boolean().describe('Heard of within the last seconds'),
  joinedAt: z.iso.datetime(),
});
export type MemberView = z.output<typeof memberViewSchema>;

const limitsViewSchema = z.object({
  members: z.int(),
  maxFileBytes: z.int(),
  runningTransfers: z.int(),
  runningPerMember: z.int(),
  bandwidthBytesPerSecond: z.int().nullable(),
});

export const roomViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  inspection: z.enum(['none', 'server']).describe('server: content is readable and checked here'),
  relay: z.boolean().describe('Bytes may go through the server'),
  limits: limitsViewSchema,
  createdAt: z.iso.datetime(),
  memberId: z.string().describe('Who the asker is in it'),
  members: z.array(memberViewSchema),
  seq: z.int().describe('Of the last message'),
});
export type RoomView = z.output<typeof roomViewSchema>;

/** The whole of what a member may see. */
export const roomDetailSchema = roomViewSchema.extend({
  transfers: z.array(roomTransferViewSchema).describe("The asker's own, oldest first"),
});
export type RoomDetailView = z.output<typeof roomDetailSchema>;

/** Without what would change how the words around it are read. */
const shownName = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is what it is for
    .refine((name) => name.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(name), {
      message: 'Without control characters',
    });
export const memberNameSchema = shownName(80);
const joinHashSchema = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 as 64 small hexadecimal digits');
/** 32 bytes. */
const joinKeySchema = z.string().regex(/^[\w-]{43}$/, '32 bytes as base64url');

export const createRoomBodySchema = z.strictObject({
  id: roomIdSchema.describe('Chosen by who makes it: the link’s keys are derived with it'),
  name: shownName(200),
  joinHash: joinHashSchema.describe('SHA-256 of the key that lets people in; the link’s secret itself is never sent'),
  memberName: memberNameSchema.optional().describe("The host's own name; left out: that of its token"),
  kind: z.enum(memberKinds).default('browser'),
  inspection: z.enum(['none', 'server']).default('none'),
  relay: z.boolean().default(true),
  limits: z
    .strictObject({
      members: z.int().min(1),
      maxFileBytes: z.int().min(1),
      runningTransfers: z.int().min(1),
      runningPerMember: z.int().min(1),
      bandwidthBytesPerSecond: z.int().min(1024).nullable(),
    })
    .partial()
    .default({})
    .describe("Less than the server's own"),
});
export type CreateRoomBody = z.output<typeof createRoomBodySchema>;

export const joinRoomBodySchema = z.strictObject({
  joinKey: joinKeySchema,
  name: memberNameSchema,
  kind: z.enum(memberKinds).default('browser'),
  memberToken: z.string().max(100).optional().describe('Of who comes back'),
});
export type JoinRoomBody = z.output<typeof joinRoomBodySchema>;

export const joinedSchema = z.object({
  member: memberViewSchema,
  memberToken: z.string().describe('What this member shows from now on; it is told this once'),
  room: roomDetailSchema,
  iceServers: z.array(iceServerViewSchema),
  chunkSize: z.int(),
  maxFileBytes: z.int(),
  seq: z.int(),
});
export type JoinedView = z.output<typeof joinedSchema>;

export const setMemberBodySchema = z
  .strictObject({
    role: z.enum(roomRoles).optional(),
    permissions: permissionsSchema.partial().strict().optional(),
  })
  .refine(({ role, permissions }) => role !== undefined || permissions !== undefined, {
    message: 'Name a role or permissions.',
  });
export type SetMemberBody = z.output<typeof setMemberBodySchema>;
