// The race of direct links: one bare data channel against the link of rooms, between the same two Chromium pages, near and over a line that delays and loses.

import { join } from 'node:path';
import { type TwoPages, twoPages } from '../../test/browser/two-pages.ts';
import { frameServer } from '../../test/support/frame-server.ts';
import { namespaces } from '../../test/support/namespaces.ts';
import { median, type Sheet } from '../race.ts';
import type { DirectPage } from './direct-page.ts';
import { lossyLine } from './lossy-line.ts';

interface Contender {
  readonly name: string;
  /** Opens, on both pages. */
  readonly open: (pages: TwoPages<DirectPage>) => Promise<unknown>;
  readonly send: (pages: TwoPages<DirectPage>, bytes: number) => Promise<void>;
}

const bare = (channels = 1, messageBytes = 65_536, ordered = true): Contender => ({
  name: `${channels === 1 ? 'one bare channel' : `${channels} bare channels of one connection`}, ${messageBytes >> 10} KiB${ordered ? '' : ', unordered'}`,
  open: ({ sender, receiver }) =>
    Promise.all([receiver, sender].map((member) => member.call('openBare', channels, ordered))),
  send: ({ sender }, bytes) => sender.call('sendBare', bytes, messageBytes),
});

const ours = (connections: number, most = connections): Contender => ({
  name: `link, ${connections === most ? connections : `${connections} to ${most}`} connection${most === 1 ? '' : 's'}`,
  open: ({ sender, receiver }) =>
    Promise.all([receiver, sender].map((member) => member.call('openLink', connections, most))),
  send: ({ sender }, bytes) => sender.call('sendLink', bytes, 65_536 + 256),
});

const one = bare();

/** On two cores page, network process and their counterparts share the processor: figures are what this machine does, ratios what counts. */
export async function direct(rounds: number, bytes: number): Promise<readonly Sheet[]> {
  const network = namespaces(['left', 'right']);
  const server = await frameServer(network.gateway);
  try {
    const pages = await twoPages<DirectPage>(join(import.meta.dirname, 'direct-page.ts'), server.url, {
      sender: network.host('left').within,
      receiver: network.host('right').within,
    });
    try {
      await Promise.all([
        pages.sender.call('join', server.url, 'a', 'b'),
        pages.receiver.call('join', server.url, 'b', 'a'),
      ]);
      const near = await sheet(
        'Direct, two Chromiums of one machine',
        pages,
        [one, bare(1, 262_144), bare(4), bare(1, 65_536, false), ours(1), ours(2), ours(4), ours(1, 8)],
        rounds,
        bytes,
        { name: ours(1, 8).name, atLeast: 0.95 },
      );
      const line = await lossyLine(network, 'right', { delayMs: 30, lossPerMillion: 10_000 });
      try {
        const far = await sheet(
          'Direct at 60 ms and 1 % loss',
          pages,
          [one, bare(4), ours(1), ours(4), ours(8), ours(1, 8)],
          1,
          bytes / 8,
          { name: ours(1, 8).name, atLeast: 4 },
        );
        return [near, far];
      } finally {
        await line.close();
      }
    } finally {
      await pages.close();
    }
  } finally {
    await server.close();
    network.close();
  }
}

async function sheet(
  title: string,
  pages: TwoPages<DirectPage>,
  contenders: readonly Contender[],
  rounds: number,
  bytes: number,
  wanted: { readonly name: string; readonly atLeast: number },
): Promise<Sheet> {
  const rates = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  // One more before, which is not counted.
  for (let round = rounds === 1 ? 0 : -1; round < rounds; round++) {
    for (const contender of contenders) {
      const rate = await measured(pages, contender, bytes);
      if (round >= 0) rates.get(contender.name)?.push(rate);
    }
  }
  const middle = (name: string) => median(rates.get(name) ?? []);
  const ratio = (name: string) => middle(name) / middle(one.name);
  const lines = contenders.map(({ name }) => {
    const all = rates.get(name) ?? [];
    const spread = `${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}`;
    return `| ${name} | ${middle(name).toFixed(2)} | ${spread} | ${ratio(name).toFixed(2)} |`;
  });
  return {
    title,
    table: ['| | median MB/s | min–max | over one bare channel |', '| --- | --- | --- | --- |', ...lines].join('\n'),
    goals: [
      {
        what: `${title}: ${wanted.name}, over one bare channel`,
        goal: `≥ ${wanted.atLeast}`,
        seen: ratio(wanted.name).toFixed(2),
        met: ratio(wanted.name) >= wanted.atLeast,
      },
    ],
  };
}

/** From the first byte's sending to the last one's arrival, in MB/s. */
async function measured(pages: TwoPages<DirectPage>, contender: Contender, bytes: number): Promise<number> {
  await contender.open(pages);
  const begunMs = Date.now();
  const [, endedMs] = await Promise.all([contender.send(pages, bytes), pages.receiver.call('until', bytes)]);
  await Promise.all([pages.sender, pages.receiver].map((member) => member.call('close')));
  return bytes / 1e3 / (endedMs - begunMs);
}
