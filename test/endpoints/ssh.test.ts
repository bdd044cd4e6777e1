// Places over SSH pass the suite on a real sshd: with commands (find, sha256sum), and with SFTP alone.

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openSsh } from '../../src/endpoints/ssh/ssh.ts';
import { createSshHosts, type SshHosts } from '../../src/endpoints/ssh/ssh-hosts.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { endpointSuite } from '../support/endpoint-suite.ts';
import { type Sshd, type SshdOptions, startSshd } from '../support/sshd.ts';

function suite(name: string, options: SshdOptions): void {
  let sshd: Sshd;
  let hosts: SshHosts;
  beforeAll(async () => {
    sshd = await startSshd(options);
    const { identityFile, knownHosts } = sshd;
    hosts = createSshHosts({ hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } });
  });
  afterAll(async () => {
    await hosts.close();
    await sshd.close();
  });
  endpointSuite(name, async () => {
    const root = join(mkdtempSync(join(sshd.files, 'place-')), 'not', 'yet');
    const endpoint = openSsh(parseEndpoint(sshd.address(root)), hosts);
    await endpoint.makeFolder?.('');
    return {
      endpoint,
      rawNames: true,
      makeHuge: async (path: string, sizeBytes: number) => {
        writeFileSync(join(root, path), '');
        truncateSync(join(root, path), sizeBytes);
      },
      dispose: async () => rmSync(root, { recursive: true }),
    };
  });
}

suite('ssh', {});
suite('ssh by SFTP alone', { lines: ['ForceCommand internal-sftp'] });
