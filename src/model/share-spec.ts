// What being in a room is asked for: which room, what is sent there, what is taken from there and where it goes.

import { z } from 'zod';
import { conflictSchema, moving } from './moving.ts';
import { sizeSchema } from './size-schema.ts';

/** All that a rule says must hold for an offer. */
export const acceptRuleSchema = z.strictObject({
  /** Glob on the sender's name. */
  from: z.string().min(1).max(200).optional(),
  /** Glob on the declared media type, such as `video/*`. */
  type: z.string().min(1).max(200).optional(),
  /** Glob on the file's path; on its name alone where it holds no slash. */
  name: z.string().min(1).max(1000).optional(),
  maxSize: sizeSchema.optional(),
});
export type AcceptRule = z.output<typeof acceptRuleSchema>;

export const shareSpecSchema = z.strictObject({
  kind: z.literal('share'),
  /** The invite, with its secret: `https://host/rooms/<id>#<secret>`. */
  room: z.string().min(1).max(2000),
  /** The member's name in the room; null is that of the machine. */
  as: z.string().min(1).max(100).nullable().default(null),
  /** The folder for what is taken; null takes nothing. */
  to: z.string().min(1).nullable().default(null),
  /** An offer is taken where one of them fits, else rejected; none takes all. */
  accept: z.array(acceptRuleSchema).max(100).default([]),
  /** Files and folders to send. */
  send: z.array(z.string().min(1)).max(1000).default([]),
  /** Names of the members that are sent to; none is everybody who is in the room when the first one is. */
  receivers: z.array(z.string().min(1).max(100)).max(50).default([]),
  /** Stays in the room once all that was to be sent has come to rest. */
  stay: z.boolean().default(false),
  conflict: conflictSchema.default('rename'),
  ...moving,
});
/** As given, with defaults still open. */
export type ShareRequest = z.input<typeof shareSpecSchema>;
export type ShareSpec = z.output<typeof shareSpecSchema>;
