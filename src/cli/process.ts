// `wherry process`: one file through a pipeline, by hand.

import { lstatSync } from 'node:fs';
import { extname } from 'node:path';
import { asFault, Fault } from '../model/fault.ts';
import { displayPath, pathBytes } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import type { StepRecord } from '../model/pipeline.ts';
import { formatSize } from '../model/size.ts';
import type { VerbCall } from './command-line.ts';
import { absolutePlace } from './copy-request.ts';
import { listenForInterrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

const plainLineMs = 2_000;

export async function processVerb({ words, flags, terminal }: VerbCall): Promise<number> {
  const [kind, from, to, ...more] = words;
  if (kind === undefined || from === undefined || to === undefined || more.length > 0) {
    throw new Fault('invalid', 'wherry process needs three words: wherry process KIND SOURCE DESTINATION.');
  }
  const [source, destination] = [localPlace(from), localPlace(to)];
  const interrupt = listenForInterrupt();
  const display = openDisplay(terminal, flags.is('progress'));
  const { processFile } = await import('../main.ts');
  try {
    const { pipeline, records, results } = await processFile(
      { config: flags.text('config') },
      { kind, source, destination, isFile: !isFolder(to, destination), pipeline: flags.text('pipeline') ?? null },
      {
        chosen: (name, steps) => display.begin(name, steps),
        stepDone: (record) => display.done(record),
        progress: (fraction) => display.progress(fraction),
      },
      interrupt.signal,
    );
    display.end();
    if (terminal.json) {
      terminal.object({
        type: 'result',
        pipeline,
        results: results.map((path) => pathText(path)),
        steps: records.length,
      });
    } else for (const path of results) terminal.out(displayPath(path));
    return 0;
  } catch (error) {
    display.end();
    if (interrupt.exitCode === undefined) throw asFault(error);
    terminal.warn('wherry: interrupted; the steps that are done are kept, the same command goes on with the others.');
    return interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

function localPlace(word: string): string {
  const place = absolutePlace(word);
  if (place.startsWith('/')) return place === '/' ? place : place.replace(/\/+$/, '');
  throw new Fault('unsupported', `wherry process works on this machine, not in ${displayPath(place)}.`);
}

/** It ends with a slash, is one, or is not there and has no ending. */
function isFolder(word: string, path: string): boolean {
  if (word.endsWith('/')) return true;
  const stats = lstatSync(Buffer.from(pathBytes(path)), { throwIfNoEntry: false });
  return stats === undefined ? extname(path) === '' : stats.isDirectory();
}

function openDisplay(terminal: Terminal, eager: boolean) {
  let saidAt = 0;
  let steps = 0;
  let at = 0;
  const words = (fraction: number) => `${Math.floor(fraction * 100)} %  step ${Math.min(at + 1, steps)} of ${steps}`;
  return {
    begin(name: string, count: number) {
      steps = count;
      if (terminal.verbose > 0) terminal.say(`The pipeline is ${displayPath(name)}.`);
    },
    done(record: StepRecord) {
      at += 1;
      if (terminal.json) {
        terminal.object({
          type: 'step',
          ...record,
          derived: record.derived.map(({ path, ...rest }) => ({ ...rest, ...pathText(path) })),
        });
        return;
      }
      const made = record.derived.map(({ role, sizeBytes }) => `${role} ${formatSize(sizeBytes)}`).join(', ');
      const what = record.skipped === null ? made || 'done' : `passed over: ${record.skipped}`;
      if (record.skipped !== null || terminal.verbose > 0 || eager) terminal.say(`${record.step}: ${what}`);
    },
    progress(fraction: number) {
      if (terminal.json) {
        if (performance.now() - saidAt < 1_000 && fraction < 1) return;
        saidAt = performance.now();
        terminal.object({ type: 'progress', fraction });
        return;
      }
      if (terminal.interactive) terminal.live([words(fraction)]);
      else if (eager && performance.now() - saidAt > plainLineMs) {
        saidAt = performance.now();
        terminal.say(words(fraction));
      }
    },
    end: () => terminal.live([]),
  };
}
