// What the configuration says of hosts that are reached over SSH.

import { z } from 'zod';

const file = (what: string) => z.string().min(1).describe(what);
const word = z
  .string()
  .regex(/^[^-\s/@][^\s/@]*$/, { message: 'It may hold no blanks, / and @, and may not begin with "-".' });

export const sshHostSchema = z.strictObject({
  host: word.optional().describe('Where it really is: a name or an IP address; default is the name in the address'),
  user: word.optional().describe('Default is the user that runs Wherry'),
  port: z.int().min(1).max(65_535).optional().describe('Default is 22'),
  identityFile: file('A private key without passphrase, in place of the usual ones in ~/.ssh').optional(),
  agent: z.boolean().optional().describe('Ask the agent of SSH_AUTH_SOCK for keys; default is yes'),
  passwordFile: file('A file whose first line is the password').optional(),
  hostKeys: z
    .enum(['strict', 'accept-new'])
    .optional()
    .describe(
      'strict: its key must be in known_hosts; accept-new: the first one that it shows is added. Default is strict',
    ),
  knownHosts: file('In place of ~/.ssh/known_hosts').optional(),
  jump: z
    .string()
    .regex(/^[^-\s]\S*$/, { message: 'Write user@host:port, or the name of another host here.' })
    .optional()
    .describe('Another host through which it is reached: user@host:port, or its name here'),
});
export type SshHostConfig = z.output<typeof sshHostSchema>;

export const sshConfigSchema = z.strictObject({
  hosts: z
    .record(z.string().min(1).max(253), sshHostSchema)
    .default({})
    .describe('By the name that stands in addresses'),
});
export type SshConfig = z.output<typeof sshConfigSchema>;
