// Commands on the far side: quoted for a POSIX shell, found out once what there is, ended when nobody wants them any more.

import type { Client, ClientChannel } from 'ssh2';
import { Fault } from '../../model/fault.ts';
import { pathBytes } from '../../model/names.ts';
import { type ChannelEnd, FarChannel } from './far-channel.ts';
import { rsyncVersion } from './rsync-here.ts';

/** What the far side can, found out once for each connection. */
export interface FarAbilities {
  /** Commands run, and arrive as they were quoted. */
  readonly exec: boolean;
  /** As `uname -s` says. */
  readonly system: string;
  /** Programs that are there. */
  readonly programs: ReadonlySet<string>;
  /** GNU's, which has `-printf`. */
  readonly gnuFind: boolean;
  /** GNU's since 4.9, which has `-files0-from`. */
  readonly findTakesNames: boolean;
  /** GNU's, which has `--null` and `-T`. */
  readonly gnuTar: boolean;
  /** GNU's, which has `-z`. */
  readonly gnuSums: boolean;
  /** Major version of its rsync; undefined where there is none. */
  readonly rsync: number | undefined;
}

export const noAbilities: FarAbilities = {
  exec: false,
  system: '',
  programs: new Set(),
  gnuFind: false,
  findTakesNames: false,
  gnuTar: false,
  gnuSums: false,
  rsync: undefined,
};

const looked = [
  'find',
  'tar',
  'xargs',
  'sha256sum',
  'shasum',
  'b3sum',
  'xxhsum',
  'xxh128sum',
  'rsync',
  'sh',
  'cat',
  'dd',
  'sync',
  'sort',
  'head',
  'od',
];

/** Bytes of one word for a POSIX shell: everything between single quotes is what it is. */
export function quoted(word: string | Uint8Array): Buffer {
  const bytes = typeof word === 'string' ? pathBytes(word) : word;
  const parts: Buffer[] = [quote];
  let from = 0;
  for (let at = bytes.indexOf(0x27); at >= 0; at = bytes.indexOf(0x27, at + 1)) {
    parts.push(Buffer.from(bytes.subarray(from, at)), escapedQuote);
    from = at + 1;
  }
  parts.push(Buffer.from(bytes.subarray(from)), quote);
  return Buffer.concat(parts);
}

const quote = Buffer.from("'");
const escapedQuote = Buffer.from("'\\''");

/** Words that are programs and options of ours stand as they are; `{ word }` is quoted. */
export function commandLine(parts: readonly (string | { readonly word: string | Uint8Array })[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part, at) => [
      ...(at === 0 ? [] : [Buffer.from(' ')]),
      typeof part === 'string' ? Buffer.from(part) : quoted(part.word),
    ]),
  );
}

export interface Running {
  readonly channel: FarChannel;
  /** Ends it; nobody is told how. */
  kill(): void;
  /** With what it wrote to its standard error, at most 4 KiB of it. */
  readonly ended: Promise<ChannelEnd & { readonly said: string }>;
}

/*
 * A host does not take signals for programs of root, and a program that writes nothing does not notice that nobody listens. So each
 * says first which group of processes it leads, and is ended by a command of its own.
 */
const leader = /^pid:(\d+)\n/m;
const announcement = Buffer.from('echo "pid:$$" >&2; ');
const announcedWithinMs = 1_000;

/** `received` is given its output, null at its end. Aborting ends the program on the far side. Rejects with `unsupported` where the host runs no commands, `busy` where it runs too many. */
export async function run(
  client: Client,
  command: Buffer,
  received: (data: Buffer | null) => void,
  signal: AbortSignal,
  windowBytes?: number,
): Promise<Running> {
  signal.throwIfAborted();
  let said = Buffer.alloc(0);
  const pid = Promise.withResolvers<string | undefined>();
  const channel = await new Promise<FarChannel>((resolve, reject) => {
    // The types know texts alone; the protocol, and ssh2, take bytes.
    // A connection that goes tells so before it fails what was asked for: that is no refusal of the host's.
    let isGone = false;
    const gone = () => {
      isGone = true;
    };
    client.once('close', gone);
    client.exec(Buffer.concat([announcement, command]) as unknown as string, (error, opened: ClientChannel) => {
      client.off('close', gone);
      if (error) {
        reject(
          isGone
            ? new Fault('network', `The connection broke off before a command began: ${error.message}.`, {
                cause: error,
              })
            : notRun(error),
        );
        return;
      }
      // At once: its first output may come in the same piece as the leave to send.
      const made = new FarChannel(opened, received, windowBytes);
      made.onError((data) => {
        if (said.length < 4096) said = Buffer.concat([said, data]).subarray(0, 4096);
        const found = leader.exec(said.toString('latin1'))?.[1];
        if (found !== undefined) pid.resolve(found);
      });
      resolve(made);
    });
  });
  let isEnded = false;
  const kill = async () => {
    const late = setTimeout(() => pid.resolve(undefined), announcedWithinMs);
    const group = await pid.promise;
    clearTimeout(late);
    channel.close();
    if (group === undefined || isEnded) return;
    client.exec(`kill -TERM -- -${group} || kill -TERM ${group}`, (error, killing) => {
      if (!error) new FarChannel(killing, () => undefined).onError(() => undefined);
    });
  };
  const stop = () => void kill().catch(() => undefined);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const ended = channel.closed.then((end) => {
    isEnded = end.code !== null;
    pid.resolve(undefined);
    signal.removeEventListener('abort', stop);
    return { ...end, said: said.toString('utf8').replace(leader, '').trim() };
  });
  return { channel, ended, kill: stop };
}

/** Channels that a host does not open now it may open later; what it does not run it never does. */
function notRun(error: Error): Fault {
  const isRefused = 'reason' in error;
  return isRefused
    ? new Fault('busy', `The host opens no more channels (${error.message}).`, { cause: error })
    : new Fault('unsupported', `The host does not run commands: ${error.message}.`, { cause: error });
}

/** Runs it to its end and gives all that it wrote; `input` is what it reads. */
export async function runWhole(
  client: Client,
  command: Buffer,
  signal: AbortSignal,
  input?: Uint8Array,
): Promise<ChannelEnd & { readonly output: Buffer; readonly said: string }> {
  const parts: Buffer[] = [];
  const { channel, ended } = await run(
    client,
    command,
    (data) => data !== null && parts.push(Buffer.from(data)),
    signal,
  );
  if (input !== undefined && input.length > 0) void channel.write(input);
  channel.end();
  const end = await ended;
  signal.throwIfAborted();
  return { ...end, output: Buffer.concat(parts) };
}

/** Everything that a quoting could get wrong. */
const awkward = Uint8Array.from(
  Buffer.concat([Buffer.from(`a b\\\\c\\'d"e|f\n$g\`h;!i*?~-j\\`), Buffer.from([0xff, 0xc3, 0x28])]),
);

/** Where a profile prints something, or a shell reads quotes in another way, nothing is run there: SFTP does it all. */
export async function probe(client: Client, signal: AbortSignal): Promise<FarAbilities> {
  const script = [
    'printf "%s" "$1"',
    `for p in ${looked.join(' ')}; do if command -v "$p" >/dev/null 2>&1; then printf "\\n%s" "$p"; fi; done`,
    'printf "\\n\\nuname:%s" "$(uname -s 2>/dev/null)"',
    'printf "\\nfind:%s" "$(find --version 2>/dev/null | head -n 1)"',
    'printf "\\ntar:%s" "$(tar --version 2>/dev/null | head -n 1)"',
    'printf "\\nsums:%s" "$(sha256sum --version 2>/dev/null | head -n 1)"',
    'printf "\\nrsync:%s" "$(rsync --version 2>/dev/null | head -n 1)"',
  ].join('; ');
  try {
    const { output } = await runWhole(
      client,
      commandLine(['exec', 'env', 'LC_ALL=C', 'sh', '-c', { word: script }, 'sh', { word: awkward }]),
      signal,
    );
    if (!output.subarray(0, awkward.length).equals(awkward)) return noAbilities;
    const [programs = '', facts = ''] = output.subarray(awkward.length).toString('latin1').split('\n\n');
    const fact = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(facts)?.[1] ?? '';
    return {
      exec: true,
      system: fact('uname'),
      programs: new Set(programs.split('\n').filter((name) => name !== '')),
      gnuFind: fact('find').includes('GNU findutils'),
      findTakesNames: takesNames(fact('find')),
      gnuTar: fact('tar').includes('GNU tar'),
      gnuSums: fact('sums').includes('GNU coreutils'),
      rsync: rsyncVersion(fact('rsync')),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Fault && error.code === 'unsupported') return noAbilities;
    throw error;
  }
}

function takesNames(version: string): boolean {
  const [, major, minor] = /GNU findutils\) (\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  return major !== undefined && minor !== undefined && (major > 4 || (major === 4 && minor >= 9));
}

/** Output as it comes, held back while nobody takes it. Left early, the program is ended. Ends with what `ended` says. */
export async function* outputOf(
  client: Client,
  command: Buffer,
  signal: AbortSignal,
  input: Uint8Array,
  windowBytes?: number,
): AsyncGenerator<Uint8Array, ChannelEnd & { readonly said: string }> {
  const came: Buffer[] = [];
  let waiting = 0;
  let isOver = false;
  let told: () => void = () => undefined;
  const { channel, ended, kill } = await run(
    client,
    command,
    (data) => {
      if (data === null) isOver = true;
      else {
        came.push(data);
        waiting += data.length;
        if (waiting > aheadBytes) channelOf().paused = true;
      }
      told();
    },
    signal,
    windowBytes,
  );
  function channelOf() {
    return channel;
  }
  void ended.then(() => {
    isOver = true;
    told();
  });
  try {
    if (input.length > 0) void channel.write(input);
    channel.end();
    for (;;) {
      const data = came.shift();
      if (data !== undefined) {
        waiting -= data.length;
        if (waiting === 0) channel.paused = false;
        yield data;
      } else if (isOver) break;
      else
        await new Promise<void>((resolve) => {
          told = resolve;
        });
    }
    signal.throwIfAborted();
    return await ended;
  } finally {
    if (!isOver) kill();
  }
}

const aheadBytes = 1024 * 1024;
