// Runs Debian's exiftool for the steps that read and write metadata.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { LocalFile, ProcessCall, Tool } from '../model/processing.ts';
import { endWords, type ProgramEnd, runProgram } from './program.ts';
import { versionOf } from './work-folder.ts';

const program = { program: 'exiftool', package: 'libimage-exiftool-perl' };

export type Tags = Readonly<Record<string, unknown>>;

/** Without anybody's configuration, which could run code. */
export function exiftool(args: readonly string[], folder: string, { signal }: ProcessCall): Promise<ProgramEnd> {
  return runProgram({ ...program, args: ['-config', '', ...args], folder }, signal);
}

/** All tags of one file as `Group:Tag`. Rejects with `step_failed` where it cannot be read. */
export async function readTags(path: string, file: LocalFile, folder: string, call: ProcessCall): Promise<Tags> {
  const args = ['-json', '-G1', '-struct', '-n', '-api', 'largefilesupport=1', path];
  const end = await exiftool(args, folder, call);
  const [tags] = parseTags(end.output);
  const error = tags?.['ExifTool:Error'] ?? tags?.Error;
  if (end.code !== 0 || tags === undefined || error !== undefined) {
    const why = typeof error === 'string' ? `exiftool says: ${error}` : `exiftool ${endWords(end)}`;
    const shown = displayPath(file.path);
    throw new Fault('step_failed', `${shown} could not be read: ${displayPath(why)}.`, { place: { path: shown } });
  }
  return tags;
}

export async function exiftoolTool(parameters: readonly string[], folder: string, call: ProcessCall): Promise<Tool> {
  const version = await versionOf('exiftool', async () => (await exiftool(['-ver'], folder, call)).output.trim());
  return { name: 'exiftool', version, parameters };
}

function parseTags(text: string): readonly Tags[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as Tags[]) : [];
  } catch {
    return [];
  }
}
