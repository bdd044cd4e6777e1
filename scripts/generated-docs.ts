// What of the documents is written from tables in the sources: state diagrams, fault codes, event names, the man page.

import { verbs } from '../src/cli/verbs.ts';
import { eventNames, progressNames } from '../src/model/event.ts';
import { faultCodes, faultTable } from '../src/model/fault.ts';
import { type JobInput, jobStates, jobTable } from '../src/model/job.ts';
import { roomTransferStates, roomTransferTable } from '../src/model/room.ts';
import { type TransferInput, transferStates, transferTable } from '../src/model/transfer.ts';
import { manPage } from './man-page.ts';
import { stepParameters } from './step-parameters.ts';

/** Document → name of the part → its text. A part stands between `<!-- generated: name -->` and `<!-- end: name -->`. */
export const generatedParts: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'ARCHITECTURE.md': {
    'transfer states': transferDiagram,
    'job states': jobDiagram,
    'room transfer states': roomTransferDiagram,
  },
  'docs/errors.md': { 'fault codes': faultList },
  'docs/events.md': { 'event names': eventList },
  'docs/processing.md': { 'step parameters': stepParameters },
};

/** Documents that are written as a whole. */
export const generatedDocuments: Readonly<Record<string, () => string>> = {
  'docs/man/wherry.1': () => manPage(verbs),
};

/** The document with each of its parts written anew. Throws where a part's marks are missing. */
export function withGeneratedParts(name: string, document: string): string {
  let text = document;
  for (const [part, write] of Object.entries(generatedParts[name] ?? {})) {
    const begin = `<!-- generated: ${part} -->\n`;
    const end = `<!-- end: ${part} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`${name} has no place for "${part}"`);
    text = `${text.slice(0, from + begin.length)}\n${write()}\n\n${text.slice(to)}`;
  }
  return text;
}

function transferDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> discovered', '  [*] --> queued'];
  for (const state of transferStates) {
    for (const input of Object.keys(transferTable[state]) as TransferInput[]) {
      const target = transferTable[state][input];
      if (typeof target === 'string') lines.push(`  ${state} --> ${target}: ${input}`);
      else if (target !== undefined) {
        for (const phase of ['transfer', 'process'] as const) {
          lines.push(`  ${state} --> ${target(phase)}: ${input} (phase ${phase})`);
        }
      }
    }
    if (Object.keys(transferTable[state]).length === 0) lines.push(`  ${state} --> [*]`);
  }
  return mermaid(lines);
}

function roomTransferDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> pending'];
  for (const state of roomTransferStates) {
    const inputs = Object.entries(roomTransferTable[state]);
    for (const [input, target] of inputs) lines.push(`  ${state} --> ${target}: ${input}`);
    if (inputs.length === 0) lines.push(`  ${state} --> [*]`);
  }
  return mermaid(lines);
}

function jobDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> pending'];
  for (const state of jobStates) {
    for (const input of Object.keys(jobTable[state]) as JobInput[]) {
      lines.push(`  ${state} --> ${jobTable[state][input]}: ${input}`);
    }
    if (Object.keys(jobTable[state]).length === 0) lines.push(`  ${state} --> [*]`);
  }
  return mermaid(lines);
}

function mermaid(lines: readonly string[]): string {
  return ['```mermaid', ...lines, '```'].join('\n');
}

const retryWords = {
  transient: 'tries again by itself',
  space: 'waits for room',
  permission: 'waits for the right',
  device: 'waits for the device',
  tool: 'waits for the program',
  none: 'ends it',
} as const;

function faultList(): string {
  const rows = faultCodes.map((code) => {
    const { retry, httpStatus, exitCode, sentence, remedy } = faultTable[code];
    return `| \`${code}\` | ${sentence} | ${remedy} | ${retryWords[retry]} | ${httpStatus} | ${exitCode} |`;
  });
  return [
    '| code | what it says | what to do | Wherry | HTTP | exit code |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function eventList(): string {
  const subject = (name: string) => name.split('.')[1] ?? '';
  return [
    '| event | of | kept |',
    '| --- | --- | --- |',
    ...eventNames.map((name) => `| \`${name}\` | ${subject(name)} | yes |`),
    ...progressNames.map((name) => `| \`${name}\` | ${subject(name)} | no, live only |`),
  ].join('\n');
}
