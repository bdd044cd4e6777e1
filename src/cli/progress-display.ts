// Progress of a job while somebody looks on: bars that are redrawn on a terminal, a plain line now and then elsewhere.

import { formatSize } from '../model/size.ts';
import type { Terminal } from './terminal.ts';
import { counted, type EtaFigures, formatEta, formatSpeed, grouped, shortName } from './words.ts';

export interface JobFigures {
  readonly filesFound: number;
  readonly filesDone: number;
  readonly filesSkipped: number;
  readonly filesFailed: number;
  readonly bytesFound: number;
  readonly bytesDone: number;
  readonly bytesPerSecond: number;
  readonly planning: boolean;
  readonly eta: EtaFigures | null;
}

export interface FileFigures {
  readonly transferId: string;
  readonly bytesDone: number;
  readonly sizeBytes: number | null;
  readonly bytesPerSecond: number;
}

export interface ProgressDisplay {
  job(figures: JobFigures): void;
  file(figures: FileFigures, name: string): void;
  /** Takes away what is drawn. */
  end(): void;
}

const redrawMs = 100;
const plainLineMs = 10_000;
const eagerLineMs = 2_000;
/** A file of which nothing has been heard for so long is no longer shown. */
const forgetFileMs = 4_000;
const mostFiles = 4;

/** `eager` says more often where lines are plain (-P). */
export function openProgressDisplay(terminal: Terminal, eager: boolean): ProgressDisplay {
  let latest: JobFigures | undefined;
  const files = new Map<string, { figures: FileFigures; name: string; at: number }>();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const tick = () => {
    if (latest === undefined) return;
    if (terminal.interactive) terminal.live(drawn());
    else terminal.say(jobLine(latest, ''));
  };

  const drawn = (): string[] => {
    const now = performance.now();
    for (const [id, { figures, at }] of files) {
      if (now - at > forgetFileMs || figures.bytesDone === figures.sizeBytes) files.delete(id);
    }
    const lines = [...files.values()].slice(-mostFiles).map(({ figures, name }) => fileLine(terminal, figures, name));
    if (latest !== undefined) lines.push(jobLine(latest, bar(terminal, share(latest.bytesDone, latest.bytesFound))));
    return lines.map((line) => cut(line, terminal.columns - 1));
  };

  const start = () => {
    if (timer !== undefined || ended || terminal.quiet || terminal.json) return;
    timer = setInterval(tick, terminal.interactive ? redrawMs : eager ? eagerLineMs : plainLineMs).unref();
  };

  return {
    job(figures) {
      latest = figures;
      start();
    },
    file(figures, name) {
      files.delete(figures.transferId);
      files.set(figures.transferId, { figures, name, at: performance.now() });
      start();
    },
    end() {
      ended = true;
      clearInterval(timer);
      terminal.live([]);
    },
  };
}

function jobLine(figures: JobFigures, drawnBar: string): string {
  const { filesFound, filesDone, filesSkipped, filesFailed, bytesFound, bytesDone, planning } = figures;
  const found = Math.max(0, filesFound - filesSkipped);
  const percent = planning ? '' : `${Math.floor(share(bytesDone, bytesFound) * 100)} %  `;
  const parts = [
    `${drawnBar}${percent}${formatSize(bytesDone)} of ${formatSize(bytesFound)}${planning ? ' so far' : ''}`,
    formatSpeed(figures.bytesPerSecond),
    `${grouped(filesDone)} of ${counted(found, 'file')}`,
  ];
  if (filesFailed > 0) parts.push(`${grouped(filesFailed)} failed`);
  if (figures.eta !== null) parts.push(formatEta(figures.eta));
  return parts.filter((part) => part !== '').join('  ');
}

function fileLine(terminal: Terminal, { bytesDone, sizeBytes, bytesPerSecond }: FileFigures, name: string): string {
  const done =
    sizeBytes === null
      ? formatSize(bytesDone)
      : `${String(Math.floor(share(bytesDone, sizeBytes) * 100)).padStart(3)} % of ${formatSize(sizeBytes)}`;
  const drawnBar = sizeBytes === null ? '' : bar(terminal, share(bytesDone, sizeBytes));
  return `${drawnBar}${done}  ${formatSpeed(bytesPerSecond)}  ${shortName(name, Math.max(16, terminal.columns - 64))}`;
}

function share(done: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(1, done / whole);
}

function bar(terminal: Terminal, part: number): string {
  const width = terminal.columns < 60 ? 0 : 20;
  if (width === 0) return '';
  const full = Math.round(part * width);
  return `${terminal.paint('blue', '━'.repeat(full))}${terminal.paint('dim', '─'.repeat(width - full))}  `;
}

/** A line that is longer than the terminal would wrap and could not be taken away again. Escapes take no room. */
function cut(line: string, columns: number): string {
  let room = columns;
  let kept = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of our own colours
  for (const [piece, colour] of line.matchAll(/(\u001b\[\d+m)|[^\u001b]/gu)) {
    if (colour !== undefined) kept += piece;
    else if (room-- > 0) kept += piece;
  }
  return kept;
}
