// What processing does with files of its own, inside a mount pool's workers: work folders, and publishing what was made.

import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statfsSync, unlinkSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import { nameWhereFree } from '../../endpoints/free-name.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath, safeRelativePath } from '../../model/names.ts';
import type { Derived, StepRecord, StepRequest } from '../../model/pipeline.ts';
import { within } from '../mover/lane-file.ts';
import { writeWholeFile } from './whole-file.ts';
import { lookAtMade, type MadeThing, statAt } from './work-tree.ts';

/** Where results come into being, below the folder that they are published in. */
export const workRoot = '.wherry-work';

interface In {
  /** The processed folder, absolute. */
  readonly root: string;
  /** The transfer's. */
  readonly id: string;
}

interface StepIn extends In {
  /** Place in the pipeline. */
  readonly at: number;
}

/** What was asked for when a result was made: a result of something else is none. */
export interface Made {
  readonly key: string;
}

export interface SettleInput extends StepIn, Made {
  readonly step: string;
  readonly outputs: readonly {
    readonly role: string;
    readonly path: string;
    readonly mediaType: string | null;
    /** Below the processed folder. */
    readonly final: string;
    /** What becomes of another file of that name. */
    readonly existing: StepRequest['existing'];
  }[];
  /** It only looks: without results there is nothing of it to be kept until its record is. */
  readonly isRepeatable: boolean;
  readonly parentHash: string | null;
  readonly record: Omit<StepRecord, 'derived'>;
}

/** Written down before anything is published: after a kill it says what is ours. */
interface Publication extends Made {
  readonly record: StepRecord;
  readonly outputs: readonly {
    readonly work: string;
    readonly final: string;
    readonly made: MadeThing;
    /** Absent in what an earlier version wrote down: `number`. */
    readonly existing?: StepRequest['existing'];
  }[];
}

export const operations = {
  'process.begin': begin,
  'process.settle': settle,
  'process.recall': recall,
  'process.clear': clear,
  'process.sweep': sweep,
  'process.room': room,
  'process.deliver': deliver,
  'process.note': note,
  'process.notes': notes,
  'process.forget': forget,
};

const workFolder = ({ id, at }: StepIn, step: string) => joinPath(transferFolder(id), `${at}-${step}`);
const publicationPath = ({ id, at }: StepIn) => joinPath(transferFolder(id), `${at}.json`);

function transferFolder(id: string): string {
  const safe = safeRelativePath(id);
  if (safe === '' || safe.includes('/')) throw new Fault('internal', `${displayPath(id)} is no id to work under.`);
  return joinPath(workRoot, safe);
}

/** An empty work folder. Gives its absolute path. */
function begin(input: StepIn & { readonly step: string }, context: OperationContext): string {
  for (let tries = 1; ; tries++) {
    try {
      return makeWorkFolder(input, context);
    } catch (error) {
      // Whoever was the last to work there has just taken the common folder away.
      if (!(error instanceof Fault) || error.code !== 'not_found' || tries === mostTries) throw error;
    }
  }
}

const mostTries = 100;

function makeWorkFolder(input: StepIn & { readonly step: string }, { control }: OperationContext): string {
  const path = workFolder(input, input.step);
  return within(
    control,
    sides.source,
    input.root,
    (confined) => {
      removeTree(confined, path);
      const { folder, name } = confined.locate(path, { create: true });
      try {
        mkdirSync(folder.at(name), 0o700);
      } catch (error) {
        throw errnoFault(error, { operation: 'make the folder', path, place: input.root });
      }
      return joinPath(input.root === '/' ? '' : input.root, path);
    },
    { create: true },
  );
}

/** Hashes what was made, makes it durable, writes down what is to be published, and publishes it. */
function settle(input: SettleInput, { control }: OperationContext): StepRecord {
  return within(control, sides.source, input.root, (confined) => {
    const from = workFolder(input, input.step);
    if (input.outputs.length === 0 && input.isRepeatable) {
      // There is nothing that could be made twice.
      removeTree(confined, from);
      return { ...input.record, derived: [] };
    }
    const outputs: Publication['outputs'][number][] = [];
    const derived: Derived[] = [];
    for (const { role, path, mediaType, final, existing } of input.outputs) {
      const work = joinPath(from, safeRelativePath(path));
      const made = lookAtMade(confined, work, control, { sync: true });
      if (made === undefined) {
        throw new Fault(
          'step_failed',
          `The step ${input.step} says that it made ${displayPath(path)}, and there is none.`,
        );
      }
      outputs.push({ work, final: safeRelativePath(final), made, existing });
      derived.push({
        role,
        path: joinPath(input.root, final),
        mediaType,
        sizeBytes: made.sizeBytes,
        hash: made.hash,
        parentHash: input.parentHash,
      });
    }
    confined.syncFolder(from);
    const publication: Publication = { key: input.key, outputs, record: { ...input.record, derived } };
    writeWholeFile(confined, publicationPath(input), JSON.stringify(publication), control);
    const record = publish(confined, publicationPath(input), publication, control);
    if (record === undefined) throw new Fault('step_failed', `What the step ${input.step} made has gone away.`);
    removeTree(confined, from);
    return record;
  });
}

/** What was made of the same before, published to its end; null where there is nothing (any more), and the step is to be run. */
function recall(input: StepIn & Made & { readonly step: string }, { control }: OperationContext): StepRecord | null {
  return within(
    control,
    sides.source,
    input.root,
    (confined) => {
      const publication = readJson<Publication>(confined, publicationPath(input));
      if (publication?.key !== input.key) return null;
      const record = publish(confined, publicationPath(input), publication, control);
      if (record !== undefined) removeTree(confined, workFolder(input, input.step));
      return record ?? null;
    },
    { create: true },
  );
}

/** Takes away a step's work folder. */
function clear(input: StepIn & { readonly step: string }, { control }: OperationContext): void {
  within(control, sides.source, input.root, (confined) => removeTree(confined, workFolder(input, input.step)));
}

/** Takes away all that a transfer has left in work folders. */
function sweep({ root, id }: In, { control }: OperationContext): void {
  within(control, sides.source, root, (confined) => {
    removeTree(confined, transferFolder(id));
    try {
      rmdirSync(confined.file(workRoot));
    } catch {
      // Others are at work there, or it has never been.
    }
  });
}

/** Free bytes. */
function room({ root }: In, { control }: OperationContext): number {
  return within(control, sides.source, root, (confined) => {
    const { bavail, bsize } = statfsSync(confined.openFolder('').self);
    return bavail * bsize;
  });
}

/** Moves one result out of the work folder to a name of its own. Rejects with `exists`. */
function deliver(input: In & { readonly from: string; readonly to: string }, { control }: OperationContext): void {
  within(control, sides.source, input.root, (confined) => {
    const made = lookAtMade(confined, input.from, control, { sync: true });
    if (made === undefined) throw new Fault('internal', `${displayPath(input.from)} is no longer there.`);
    const answer = publishOne(confined, { work: input.from, final: safeRelativePath(input.to), made }, control);
    if (answer !== 'published')
      throw new Fault('exists', `${displayPath(joinPath(input.root, input.to))} is already there.`);
    confined.syncFolder(parentPath(input.to));
  });
}

interface NoteIn {
  /** The folder of notes, absolute. */
  readonly root: string;
  readonly id: string;
}

/** Remembers that a transfer has work folders in these folders. */
function note(
  { root, id, folders }: NoteIn & { readonly folders: readonly string[] },
  { control }: OperationContext,
): void {
  const write = (confined: ConfinedRoot) =>
    writeWholeFile(confined, safeRelativePath(id), JSON.stringify(folders), control);
  within(control, sides.source, root, write, { create: true });
}

function notes({ root, id }: NoteIn, { control }: OperationContext): readonly string[] {
  const read = (confined: ConfinedRoot) => readJson<readonly string[]>(confined, safeRelativePath(id)) ?? [];
  return within(control, sides.source, root, read, { create: true });
}

function forget({ root, id }: NoteIn, { control }: OperationContext): void {
  within(control, sides.source, root, (confined) => removeTree(confined, safeRelativePath(id)), { create: true });
}

/** Undefined where something is neither in the work folder nor under its final name any more. May be called again and again. */
function publish(
  confined: ConfinedRoot,
  path: string,
  publication: Publication,
  control: Control,
): StepRecord | undefined {
  let { outputs, record } = publication;
  const write = () => writeWholeFile(confined, path, JSON.stringify({ ...publication, outputs, record }), control);
  for (let at = 0; at < outputs.length; ) {
    const wanted = baseName(outputs[at]?.final ?? '').replace(/ \(\d+\)(?=(\.[^.]*)?$)/, '');
    for (let number = 1; ; number++) {
      const output = outputs[at];
      const result = record.derived[at];
      if (output === undefined || result === undefined) return undefined;
      const answer = publishOne(confined, output, control);
      if (answer === 'gone') return undefined;
      if (answer === 'published') {
        at += 1;
        break;
      }
      if (output.existing === 'keep' || output.existing === 'replace') {
        // What is there is not ours, and stays: there is one result less, which is written down before it goes.
        const skipped = `${displayPath(output.final)} is there already and is kept.`;
        outputs = outputs.toSpliced(at, 1);
        record = { ...record, skipped, derived: record.derived.toSpliced(at, 1) };
        write();
        removeTree(confined, output.work);
        break;
      }
      // Somebody else has that name: the next one, written down before it is taken.
      const final = joinPath(parentPath(output.final), numberedName(wanted, number));
      outputs = outputs.with(at, { ...output, final });
      record = {
        ...record,
        derived: record.derived.with(at, { ...result, path: joinPath(confined.root, final) }),
      };
      write();
    }
  }
  for (const folder of new Set(outputs.map(({ final }) => parentPath(final)))) confined.syncFolder(folder);
  confined.syncMade();
  return record;
}

type Answer = 'published' | 'taken' | 'gone';

function publishOne(
  confined: ConfinedRoot,
  { work, final, made, existing }: Publication['outputs'][number],
  control: Control,
): Answer {
  const source = statAt(confined, work);
  const present = statAt(confined, final);
  if (present !== undefined && `${present.dev}:${present.ino}` === made.identity) {
    if (source !== undefined && !made.isFolder) unlinkSync(confined.file(work));
    return 'published';
  }
  if (present !== undefined) {
    // The same result under that name is ours from an earlier time, or as good as that.
    const theirs =
      present.isFile() || present.isDirectory() ? lookAtMade(confined, final, control, { sync: true }) : undefined;
    const same = theirs?.hash.value === made.hash.value && theirs.isFolder === made.isFolder;
    if (!same && source !== undefined && existing === 'replace' && present.isFile() && !made.isFolder) {
      replaceFile(confined, work, final, control);
      return 'published';
    }
    if (!same) return source === undefined ? 'gone' : 'taken';
    if (source !== undefined) removeTree(confined, work);
    return 'published';
  }
  if (source === undefined) return 'gone';
  try {
    const from = confined.locate(work);
    const to = confined.locate(final, { create: true });
    return nameWhereFree(from, to, () => control.enter(sides.source)) ? 'published' : 'taken';
  } catch (error) {
    throw errnoFault(error, { operation: 'publish', path: final, place: confined.root });
  }
}

/** In one moment: whoever reads has the one or the other. */
function replaceFile(confined: ConfinedRoot, work: string, final: string, control: Control): void {
  const from = confined.file(work);
  const to = confined.file(final);
  try {
    control.enter(sides.source);
    renameSync(from, to);
  } catch (error) {
    throw errnoFault(error, { operation: 'replace', path: final, place: confined.root });
  }
}

function readJson<Value>(confined: ConfinedRoot, path: string): Value | undefined {
  if (statAt(confined, path)?.isFile() !== true) return undefined;
  try {
    return JSON.parse(readFileSync(confined.file(path), 'utf8')) as Value;
  } catch (error) {
    // It takes its name only when it is whole: another's.
    if (error instanceof SyntaxError) return undefined;
    throw errnoFault(error, { operation: 'read', path, place: confined.root });
  }
}

/** Follows no symlink. */
function removeTree(confined: ConfinedRoot, path: string): void {
  if (statAt(confined, path) === undefined) return;
  try {
    rmSync(confined.file(path), { recursive: true, force: true });
  } catch (error) {
    throw errnoFault(error, { operation: 'remove', path, place: confined.root });
  }
}
