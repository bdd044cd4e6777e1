// Where rows about hosts far away play: a real sshd behind a link that can be cut, and a daemon's configuration that knows it.

import { type Sshd, type SshdOptions, startSshd } from '../support/sshd.ts';
import { linkTo, type TcpLink } from '../support/tcp-link.ts';
import type { Stage } from './stage.ts';

export interface FarScene {
  readonly sshd: Sshd;
  readonly link: TcpLink;
  /** Of a path of that host, through the link. */
  address(path?: string): string;
}

export async function farScene(stage: Stage, options: SshdOptions = {}): Promise<FarScene> {
  const sshd = await startSshd(options);
  stage.atEnd(() => sshd.close());
  const link = await linkTo(sshd.port);
  stage.atEnd(() => link.close());
  return { sshd, link, address: (path = sshd.files) => `ssh://${sshd.user}@127.0.0.1:${link.port}${path}` };
}

/** One more way to the same host, that fails by itself. */
export async function anotherLink(stage: Stage, { sshd }: FarScene): Promise<FarScene> {
  const link = await linkTo(sshd.port);
  stage.atEnd(() => link.close());
  return { sshd, link, address: (path = sshd.files) => `ssh://${sshd.user}@127.0.0.1:${link.port}${path}` };
}

/** Of a daemon that may log in there, tries again soon, and does nothing else. */
export function farConfig(scratch: string, { sshd }: FarScene, more: readonly string[] = []): string {
  const host = { user: sshd.user, identityFile: sshd.identityFile, knownHosts: sshd.knownHosts, agent: false };
  return [
    `roots: [${JSON.stringify(scratch)}]`,
    'watches: []',
    `ssh: { hosts: { 127.0.0.1: ${JSON.stringify(host)} } }`,
    'retry: { firstSeconds: 0.2, mostSeconds: 1, checkSeconds: 1 }',
    'limits: { transfers: 12, perEndpoint: 4 }',
    ...more,
    '',
  ].join('\n');
}
