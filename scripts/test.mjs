// `npm test`: brings the tools that the tests need, builds, lints, checks the types, runs every test, those that fail once more alone, and counts. A skipped test counts as failed.

import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledNode } from './bundled-node.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = bundledNode(root);

// Who has become root by `su` alone does not have them on the PATH.
process.env.PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);

/** Debian's packages by the program or file that tells whether they are there. */
const tools = {
  rsync: ['rsync'],
  'openssh-client': ['ssh', 'sftp', 'scp', 'ssh-keygen'],
  'openssh-server': ['/usr/sbin/sshd'],
  rclone: ['rclone'],
  curl: ['curl'],
  ffmpeg: ['ffmpeg', 'ffprobe'],
  'libimage-exiftool-perl': ['exiftool'],
  'clamav-daemon': ['/usr/sbin/clamd'],
  'libxml2-utils': ['xmllint'],
  chromium: ['chromium'],
  dosfstools: ['mkfs.vfat'],
  e2fsprogs: ['mkfs.ext4'],
  exfatprogs: ['mkfs.exfat'],
  gphoto2: ['gphoto2'],
  mount: ['mount', 'umount', 'losetup'],
  podman: ['podman'],
  runc: ['/usr/sbin/runc'],
  'busybox-static': ['/bin/busybox'],
  'swift-account': ['/usr/bin/swift-account-server'],
  'swift-container': ['/usr/bin/swift-container-server'],
  'swift-object': ['/usr/bin/swift-object-server'],
  'swift-proxy': ['/usr/bin/swift-proxy-server'],
  'util-linux': ['blkid'],
  xfsprogs: ['mkfs.xfs'],
  attr: ['setfattr', 'getfattr'],
  strace: ['strace'],
  openssl: ['openssl'],
  bash: ['bash'],
  zsh: ['zsh'],
  fish: ['fish'],
  'man-db': ['man'],
  fuse3: ['fusermount3'],
  'libfuse3-dev': ['/usr/include/fuse3/fuse.h'],
  'pkg-config': ['pkg-config'],
  gcc: ['gcc'],
  'g++': ['g++'],
  make: ['make'],
  python3: ['python3'],
  'libc6-dev': ['/usr/include/stdio.h'],
  coturn: ['turnserver'],
  iproute2: ['ip', 'tc'],
  iptables: ['iptables'],
  postgresql: ['/usr/lib/postgresql/*/bin/postgres'],
};

/** @param {string} name a program on the PATH, or a file by its whole path, of which one part may be `*` */
function isThere(name) {
  const [above, below] = name.split('/*/');
  if (above !== undefined && below !== undefined) {
    return existsSync(above) && readdirSync(above).some((part) => existsSync(join(above, part, below)));
  }
  if (name.startsWith('/')) return existsSync(name);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const missing = () =>
  Object.entries(tools)
    .filter(([, signs]) => !signs.every(isThere))
    .map(([name]) => name);

/** @param {string} command @param {string[]} args @param {Record<string, string>} [more] what to add to the environment */
function run(command, args, more = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...more } });
  if (result.error) process.stderr.write(`${command}: ${result.error.message}\n`);
  return result.status === 0;
}

/** Installs packages without starting any service: a policy that forbids it stands for as long as apt-get runs. */
function install(/** @type {string[]} */ packages) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    run('apt-get', ['-qq', 'update'], quiet);
    run('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...packages], quiet);
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

if (missing().length > 0 && process.getuid?.() === 0 && existsSync('/etc/debian_version') && isThere('apt-get')) {
  process.stdout.write(`installing what the tests need: ${missing().join(', ')}\n`);
  install(missing());
}
if (missing().length > 0) {
  process.stderr.write(`The tests need programs that are not installed. Debian's packages: ${missing().join(' ')}\n`);
  process.stdout.write('0 passed, 1 failed\n');
  process.exit(1);
}

let passed = 0;
let failed = 0;

/** @param {string} name @param {() => boolean} step counts as one test */
function check(name, step) {
  process.stdout.write(`\n${name}\n`);
  if (step()) passed += 1;
  else {
    failed += 1;
    process.stdout.write(`FAILED: ${name}\n`);
  }
}

const bin = (/** @type {string} */ path) => join(root, 'node_modules', path);
check('build', () => run(node, ['scripts/build.mjs', '--if-stale']));
check('lint', () => run(node, [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']));
check('types of what Node runs', () => run(node, [bin('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']));
check('types of what a browser runs', () =>
  run(node, [bin('typescript/bin/tsc'), '-p', 'tsconfig.web.json', '--noEmit']),
);

/** @typedef {{ name: string, status: string, assertionResults: { status: string, fullName: string }[] }} FileResult */

const folder = mkdtempSync(join(tmpdir(), 'wherry-report-'));

/**
 * @param {readonly string[]} options @param {string} name
 * @returns {{ ran: boolean, files: FileResult[] }}
 */
function runTests(options, name) {
  const report = join(folder, name);
  const ran = run(
    node,
    [
      bin('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...options,
    ],
    { PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
  );
  return { ran, files: existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : [] };
}

const passes = (/** @type {FileResult} */ { assertionResults }) =>
  assertionResults.filter(({ status }) => status === 'passed').length;
/** A file that cannot be loaded has no test that could fail: it counts as one. */
const failures = (/** @type {FileResult} */ file) =>
  file.assertionResults.length - passes(file) || (file.status === 'failed' ? 1 : 0);

/** Files that may have failed for what else went on; more of them are no accident. */
const mostSecondTries = 3;

try {
  process.stdout.write('\ntests\n');
  const { ran, files } = runTests(process.argv.slice(2), 'report.json');
  const wrong = files.filter((file) => failures(file) > 0);
  for (const [at, file] of wrong.entries()) {
    if (wrong.length > mostSecondTries) break;
    process.stdout.write(`\nonce more, by itself: ${relative(root, file.name)}\n`);
    const [again] = runTests([file.name], `again-${at}.json`).files;
    if (again === undefined || again.assertionResults.length < file.assertionResults.length) continue;
    const mended = file.assertionResults.filter(({ status }) => status !== 'passed');
    if (failures(again) === 0) {
      for (const { fullName } of mended)
        process.stdout.write(`PASSED AT THE SECOND TRY, so it is to be mended: ${fullName}\n`);
    }
    files[files.indexOf(file)] = again;
  }
  for (const file of files) {
    passed += passes(file);
    failed += failures(file);
  }
  if (files.length === 0 || (!ran && wrong.length === 0)) failed += 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
