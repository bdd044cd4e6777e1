// What a place over SSH says and leaves when the line, the server or the host is not as it should be.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { openSsh } from '../../src/endpoints/ssh/ssh.ts';
import { createSshHosts } from '../../src/endpoints/ssh/ssh-hosts.ts';
import { formatEndpoint, parseEndpoint } from '../../src/model/endpoint-url.ts';
import { Fault } from '../../src/model/fault.ts';
import { bodyOf, bytesOf } from '../support/bytes.ts';
import { chrootFolder, type Sshd, type SshdOptions, startSshd } from '../support/sshd.ts';
import { linkTo } from '../support/tcp-link.ts';
import { content } from '../support/trees.ts';

const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function server(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await startSshd(options);
  toClose.push(() => sshd.close());
  return sshd;
}

function placeAt(sshd: Sshd, path = sshd.files, port = sshd.port): Endpoint {
  const { identityFile, knownHosts, user } = sshd;
  const hosts = createSshHosts({ hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } });
  toClose.push(() => hosts.close());
  const address = formatEndpoint({
    scheme: 'ssh',
    authority: `${user}@127.0.0.1:${port}`,
    path: path.slice(1),
    query: {},
  });
  return openSsh(parseEndpoint(address), hosts);
}

/** For programs that stand in for those of the host. */
function programFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wh-programs-'));
  toClose.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'resolved',
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );
const listed = async (place: Endpoint) => {
  const paths: string[] = [];
  for await (const entry of place.list('')) paths.push(entry.path);
  return paths;
};
const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(content(1, 100_000)) });
const drained = async (stream: ReadableStream<Uint8Array>) => {
  for await (const _ of stream);
};

test('a command that is asked for when the line breaks says nothing of what the host can do', async () => {
  const sshd = await server();
  const link = await linkTo(sshd.port);
  toClose.push(() => link.close());
  const place = placeAt(sshd, sshd.files, link.port);
  await place.write('a', 0, bodyOf(content(1, 1000)));
  const right = await place.hash?.('a', 'sha256');
  // With the first byte of what is asked, before anybody can answer.
  const cut = link.cut(1);
  const asked = codeOf(Promise.resolve(place.hash?.('a', 'sha256')));
  await cut;
  expect(await asked).toBe('network');
  expect(await place.hash?.('a', 'sha256')).toBe(right);
});

test('sessions that are killed break off what was under way, and the next call connects again', {
  timeout: 60_000,
}, async () => {
  const sshd = await server();
  const place = placeAt(sshd);
  await place.write('big', 0, bodyOf(content(2, 20_000_000), { chunkBytes: 1_000_000 }));
  const reader = (await place.read('big', 0)).getReader();
  await reader.read();
  let begun = () => undefined as unknown;
  const writes = new Promise((resolve) => {
    begun = () => resolve(undefined);
  });
  const writing = codeOf(place.write('new', 0, endless(), { progress: begun }));
  await writes;
  expect(sshd.killSessions()).toBeGreaterThan(0);
  expect(await writing).toBe('network');
  const rest = (async () => {
    for (;;) if ((await reader.read()).done) return;
  })();
  expect(await codeOf(rest)).toBe('network');
  expect(await place.stat('big')).toMatchObject({ sizeBytes: 20_000_000 });
  expect((await bytesOf(await place.read('big', 19_999_000))).length).toBe(1_000);
});

test('a server that is away is unreachable, which may pass; one that comes back with another key is not spoken to', {
  timeout: 60_000,
}, async () => {
  const sshd = await server();
  const place = placeAt(sshd);
  expect((await place.stat(''))?.kind).toBe('folder');
  await sshd.kill();
  await expect.poll(() => codeOf(place.stat('')), { timeout: 20_000 }).toBe('unreachable');
  await sshd.start();
  expect((await place.stat(''))?.kind).toBe('folder');
  await sshd.kill();
  sshd.changeHostKey();
  await sshd.start();
  await expect.poll(() => codeOf(place.stat('')), { timeout: 20_000 }).toBe('host_key');
  expect(new Fault('host_key', '').meaning.retry).toBe('none');
  expect(new Fault('unreachable', '').meaning.retry).toBe('transient');
});

test('a line that has gone silent is noticed by whoever waits: reading, writing, looking', {
  timeout: 90_000,
}, async () => {
  const sshd = await server();
  const link = await linkTo(sshd.port);
  toClose.push(() => link.close());
  const place = placeAt(sshd, sshd.files, link.port);
  await place.write('big', 0, bodyOf(content(2, 30_000_000), { chunkBytes: 1_000_000 }));
  const reader = (await place.read('big', 0)).getReader();
  await reader.read();
  const silent = Promise.withResolvers<void>();
  const writing = codeOf(
    place.write('new', 0, endless(), {
      progress() {
        link.hold();
        silent.resolve();
      },
    }),
  );
  await silent.promise;
  const reading = (async () => {
    for (;;) if ((await reader.read()).done) return;
  })();
  expect(await Promise.all([codeOf(reading), writing, codeOf(place.stat('big'))])).toEqual(
    Array.from({ length: 3 }, () => 'network'),
  );
  link.heal();
  expect(await place.stat('big')).toMatchObject({ sizeBytes: 30_000_000 });
});

test('a reset in the middle of a listing, a hash or an archive is a fault and never an end', {
  timeout: 60_000,
}, async () => {
  const sshd = await server();
  const link = await linkTo(sshd.port);
  toClose.push(() => link.close());
  for (let index = 0; index < 300; index++)
    writeFileSync(join(sshd.files, `${index}`.padStart(200, '0')), content(index, 30_000));
  const place = placeAt(sshd, sshd.files, link.port);
  const paths = await listed(place);
  expect(paths).toHaveLength(300);
  const attempts: (() => Promise<unknown>)[] = [
    () => listed(place),
    () => place.statMany?.(paths) ?? Promise.resolve(),
    () => place.hashMany?.(paths, 'sha256') ?? Promise.resolve(),
    async () => {
      for await (const answer of place.readMany?.(paths) ?? []) if ('fault' in answer) throw answer.fault;
    },
  ];
  for (const attempt of attempts) {
    await place.stat('');
    const cut = link.cut(5_000);
    expect(await codeOf(attempt())).toBe('network');
    await cut;
    // As the line is well again, so is the answer.
    expect(await codeOf(attempt())).toBe('resolved');
  }
});

test('where nothing may be written, the fault says so, and nothing is left', async () => {
  const sshd = await server({ readOnly: true });
  const place = placeAt(sshd);
  writeFileSync(join(sshd.files, 'there'), 'content');
  expect(await listed(place)).toEqual(['there']);
  const attempts = [
    place.write('new', 0, bodyOf(content(1, 10))),
    place.write('there', 0, bodyOf(content(1, 10))),
    place.remove('there'),
    place.makeFolder?.('folder'),
    place.rename?.('there', 'elsewhere', { overwrite: false }),
    place.setMetadata?.('there', { mtimeMs: 0 }),
  ];
  for (const code of await Promise.all(attempts.map((attempt) => codeOf(attempt ?? Promise.resolve())))) {
    expect(['permission', 'read_only']).toContain(code);
  }
  expect(readFileSync(join(sshd.files, 'there'), 'utf8')).toBe('content');
});

test('in a chroot paths begin at its top', async () => {
  const chroot = chrootFolder();
  toClose.push(() => chroot.remove());
  const sshd = await server({ chroot: chroot.path });
  const place = placeAt(sshd, '/in');
  await place.write('a/b', 0, bodyOf(content(1, 10)));
  expect(await listed(place)).toEqual(['a', 'a/b']);
  expect(existsSync(join(chroot.inside, 'a/b'))).toBe(true);
  expect((await place.space?.())?.freeBytes).toBeGreaterThan(0);
});

test('a root whose name is made of what shells live on is a name', async () => {
  const sshd = await server();
  const name = `a'b"c|d;e\nf $(touch pwned) \`touch pwned\` \\ * -rf & ~ # é`;
  const root = join(sshd.files, name);
  const place = placeAt(sshd, root) as Required<Endpoint>;
  await place.makeFolder('');
  expect(existsSync(root)).toBe(true);
  await place.writeMany(
    (async function* () {
      yield { path: '-x', sizeBytes: 3, mtimeMs: 1_000, body: ReadableStream.from([content(1, 3)]) };
    })(),
  );
  expect(await listed(place)).toEqual(['-x']);
  expect(await place.hash('-x', 'sha256')).toBe((await place.hashMany(['-x'], 'sha256')).get('-x'));
  for await (const answer of place.readMany(['-x'])) expect('fault' in answer).toBe(false);
  for (const folder of [sshd.files, root, '.', process.env.HOME ?? '/'])
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
});

test('a host that names what was not asked for is refused, by whichever way it lies', async () => {
  const bin = programFolder();
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const sshd = await server({ lines: [`SetEnv SHLVL=5 PATH=${bin}:/usr/bin:/bin`] });
  writeFileSync(join(sshd.files, 'a'), 'content');
  const place = placeAt(sshd) as Required<Endpoint>;
  const asFind = (name: string) =>
    program(
      'find',
      `case "$1" in --version) exec /usr/bin/find --version;; esac\nprintf 'f 7 1.0 644\\000${name}\\000\\000'`,
    );
  for (const name of ['../evil', '/etc/passwd', 'a/../../evil', '..', '']) {
    asFind(name);
    expect(await codeOf(listed(place)), name).toBe('name_unsafe');
  }
  asFind('a');
  expect(await listed(place)).toEqual(['a']);
  program(
    'find',
    'case "$1" in --version) exec /usr/bin/find --version;; esac\nprintf "f 7 1.0 644\\000a\\000\\000"; exit 1',
  );
  expect(await codeOf(listed(place))).toBe('io');
  const read = async () => {
    const got: string[] = [];
    for await (const answer of place.readMany(['a'])) got.push(answer.path);
    return got;
  };
  expect(await read()).toEqual(['a']);
  program('tar', `exec /bin/tar -P --transform 's,^\\./,../,' "$@"`);
  expect(await codeOf(read())).toBe('name_unsafe');
});

test('a shell that prints something by itself runs nothing for us; SFTP does it all', async () => {
  const bin = programFolder();
  const script = join(bin, 'forced');
  writeFileSync(
    script,
    '#!/bin/sh\ncase "$SSH_ORIGINAL_COMMAND" in *sftp*) exec /usr/lib/openssh/sftp-server;; esac\necho "Welcome!"; eval "$SSH_ORIGINAL_COMMAND"\n',
  );
  chmodSync(script, 0o755);
  const sshd = await server({ lines: [`ForceCommand ${script}`] });
  mkdirSync(join(sshd.files, 'folder'));
  const place = placeAt(sshd);
  expect(await listed(place)).toEqual(['folder']);
  expect(place.transport).toContain('SFTP alone');
});

test('what runs over there is told to end when nobody wants it any more', { timeout: 60_000 }, async () => {
  const bin = programFolder();
  writeFileSync(
    join(bin, 'sha256sum'),
    '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/sha256sum --version\nexec sleep 1000\n',
  );
  chmodSync(join(bin, 'sha256sum'), 0o755);
  const sshd = await server({ lines: [`SetEnv SHLVL=5 PATH=${bin}:/usr/bin:/bin`] });
  writeFileSync(join(sshd.files, 'a'), 'content');
  const place = placeAt(sshd);
  const stop = new AbortController();
  const reason = new Error('enough');
  const hashing = codeOf(place.hash?.('a', 'sha256', { signal: stop.signal }) ?? Promise.resolve());
  await expect.poll(() => sshd.commands().some((line) => line.includes('sleep 1000')), { timeout: 20_000 }).toBe(true);
  stop.abort(reason);
  expect(await hashing).toBe(reason);
  await expect.poll(() => sshd.commands().some((line) => line.includes('sleep 1000')), { timeout: 20_000 }).toBe(false);
  // The connection is as well as before.
  await drained(await place.read('a', 0));
});
