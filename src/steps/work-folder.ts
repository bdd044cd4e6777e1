// What steps do in their work folder: reach the original under a plain name, and write small results.

import { existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoFault } from '../endpoints/errno.ts';
import { Fault } from '../model/fault.ts';
import { endingOf } from '../model/file-kind.ts';
import { displayPath, isText, pathBytes } from '../model/names.ts';
import type { LocalFile, OutputPlan } from '../model/processing.ts';

/**
 * A name for the original that every program takes as one: no `%d`, no leading `-`, no byte that is not UTF-8. Relative to the work
 * folder. Rejects with `unsupported` where the place has no symlinks and the original's own name will not do.
 */
export function plainInput(file: LocalFile, output: OutputPlan): string {
  const ending = endingOf(file.path);
  const name = `original${ending === '' ? '' : `.${ending}`}`;
  const at = join(output.workFolder, name);
  rmSync(at, { force: true });
  try {
    symlinkSync(Buffer.from(pathBytes(file.path)), at);
    return `./${name}`;
  } catch (error) {
    if (isText(file.path) && !file.path.includes('%')) return file.path;
    throw new Fault('unsupported', `${displayPath(file.path)} has a name that programs do not take.`, { cause: error });
  }
}

/** Writes a small result into the work folder. */
export function writeResult(output: OutputPlan, name: string, text: string): void {
  try {
    writeFileSync(Buffer.from(pathBytes(`${output.workFolder}/${name}`)), text);
  } catch (error) {
    throw errnoFault(error, { operation: 'write', path: name, place: output.workFolder });
  }
}

/** Gives what a program made its name; programs write under plain names. Rejects with `step_failed` where it left nothing. */
export function nameResult(output: OutputPlan, made: string, name: string, file: LocalFile, program: string): void {
  const from = join(output.workFolder, made);
  if (!existsSync(from)) {
    const path = displayPath(file.path);
    throw new Fault('step_failed', `${program} made nothing of ${path}.`, { place: { path } });
  }
  try {
    renameSync(from, Buffer.from(pathBytes(`${output.workFolder}/${name}`)));
  } catch (error) {
    throw errnoFault(error, { operation: 'name', path: name, place: output.workFolder });
  }
}

/** The first line of what a program says of its version, asked once a thread. */
const versions = new Map<string, Promise<string>>();

export function versionOf(program: string, ask: () => Promise<string>): Promise<string> {
  const known = versions.get(program) ?? ask();
  versions.set(program, known);
  known.catch(() => versions.delete(program));
  return known;
}
