// The part of `wherry doctor` that looks at folders: the data folder, roots, and the places of watches.

import type { Settings } from './config.ts';
import type { Finding } from './doctor.ts';
import type { Abilities, FolderLook, LookInput } from './doctor-operations.ts';
import { workerModule } from './early-thread.ts';
import { openMounts } from './endpoints/mount-pool.ts';
import { isLocalDisk } from './endpoints/mount-table.ts';
import type { Mounts } from './endpoints/mounts.ts';
import { asFault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import { formatSize } from './model/size.ts';

/** What a folder is for, and what must be possible there. */
interface Wanted {
  readonly path: string;
  readonly uses: string[];
  mustBeThere: boolean;
  isWritten: boolean;
  readonly isData: boolean;
}

const hangMs = 5_000;
const littleRoom = 1_000_000_000;
const noRoom = 50_000_000;
/** Clocks of shares that differ more than this make `newer` and the order of events misleading. */
const skewMs = 2_000;

export async function* examineFolders(settings: Settings): AsyncIterable<Finding> {
  const mounts = openMounts({ modules: [workerModule('doctor-operations')], hangMs, localHangMs: hangMs });
  try {
    for (const wanted of foldersOf(settings)) {
      const { path } = wanted;
      const look = await mounts
        .pool(path)
        .run<FolderLook>('doctor.look_at_folder', { path, tryOut: wanted.isWritten } satisfies LookInput)
        .catch((error: unknown) => asFault(error));
      if (look instanceof Error) {
        const text = `${titleOf(wanted)} cannot be looked at: ${look.message}`;
        yield { check: wanted.isData ? 'data' : 'folder', state: 'problem', text, remedy: look.meaning.remedy };
      } else yield* judge(wanted, look, mounts);
    }
  } finally {
    await mounts.close();
  }
}

/** One entry for each folder, whatever it is used for. Places that are no folders of this machine are left out. */
function foldersOf({ dataFolder, roots, watches }: Settings): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  const add = (path: string, use: string, needs: { there?: boolean; written?: boolean; data?: boolean }) => {
    if (!path.startsWith('/')) return;
    const known = wanted.get(path) ?? {
      path,
      uses: [],
      mustBeThere: false,
      isWritten: false,
      isData: needs.data === true,
    };
    if (!known.uses.includes(use)) known.uses.push(use);
    known.mustBeThere ||= needs.there === true;
    known.isWritten ||= needs.written === true;
    wanted.set(path, known);
  };
  add(dataFolder, 'data', { written: true, data: true });
  for (const { source, destinations, after, moveTo } of watches) {
    add(source, 'watched', { there: true, written: after === 'delete' || after === 'move-to' });
    for (const destination of destinations) add(destination, 'destination', { written: true });
    if (moveTo) add(moveTo, 'destination', { written: true });
  }
  for (const root of roots) add(root, 'root', { there: true });
  return [...wanted.values()];
}

function* judge(wanted: Wanted, look: FolderLook, mounts: Mounts): Iterable<Finding> {
  const check = wanted.isData ? 'data' : 'folder';
  const title = titleOf(wanted);
  const problem = (text: string, remedy: string): Finding => ({ check, state: 'problem', text, remedy });
  const warning = (text: string, remedy: string): Finding => ({ check, state: 'warning', text, remedy });
  const { type } = mounts.mountOf(look.nearest);

  if (look.kind === 'other') {
    yield problem(`${title} is no folder.`, 'Name a folder, or move away what has its name.');
    return;
  }
  if (look.kind === 'missing' && wanted.mustBeThere) {
    yield problem(`${title} is not there.`, 'Make it, mount it, or correct its path in the configuration.');
    return;
  }
  if (look.cannotRead !== null) {
    yield problem(`${title} cannot be listed (${look.cannotRead}).`, 'Give the user that runs Wherry the right to it.');
    return;
  }
  if (wanted.isWritten && look.cannotWrite !== null) {
    const where =
      look.kind === 'missing'
        ? `${title} cannot be made in ${displayPath(look.nearest)}`
        : `${title} cannot be written`;
    yield problem(
      `${where} (${look.cannotWrite}).`,
      'Give the user that runs Wherry the right to it, or mount it writable.',
    );
    return;
  }
  const room = `${formatSize(look.freeBytes)} free`;
  if (wanted.isWritten && (look.freeBytes < noRoom || look.freeFiles === 0)) {
    const what = look.freeFiles === 0 ? 'no room for another file' : `only ${room}`;
    yield problem(`${title} has ${what}.`, 'Make room there.');
    return;
  }
  const { abilities } = look;
  const isThere = look.kind === 'folder' ? '' : ', and will be made';
  yield { check, state: 'ok', text: `${title}: ${type}, ${room}${isThere}${abilityWords(abilities)}.` };
  if (wanted.isWritten && look.freeBytes < littleRoom) yield warning(`${title} has only ${room}.`, 'Make room there.');
  if (wanted.isData && !isLocalDisk(type)) {
    const remedy = 'Choose a folder on a disk of this machine with --data or `data:`.';
    yield warning(`The data folder is on ${type}: a ledger on a share is slow, and its locks may not hold.`, remedy);
  }
  if (abilities === null) return;
  if (!abilities.atomicRename || !abilities.sync) {
    const lacks = abilities.atomicRename ? 'cannot make data durable (fsync)' : 'cannot rename over a file';
    yield problem(`${title} ${lacks}; a copy there cannot be proven.`, 'Use another file system for it.');
  } else if (!abilities.hardLinks && !wanted.isData) {
    const text = `${title} has no hard links: that nothing is overwritten is checked right before the rename instead.`;
    yield warning(text, 'Nothing to do, unless others write the same names there at the same time.');
  }
  if (Math.abs(abilities.aheadMs) > skewMs) {
    const seconds = (Math.abs(abilities.aheadMs) / 1000).toFixed(0);
    const which = abilities.aheadMs > 0 ? 'ahead of' : 'behind';
    yield {
      check: 'clock',
      state: 'warning',
      text: `The clock of ${displayPath(wanted.path)} is ${seconds} s ${which} this machine's.`,
      remedy: 'Set both by the same time server; the conflict rule `newer` goes by these times.',
    };
  }
}

function titleOf({ path, uses }: Wanted): string {
  return `${displayPath(path)} (${uses.join(', ')})`;
}

function abilityWords(abilities: Abilities | null): string {
  if (abilities === null) return '';
  const { atomicRename, hardLinks, xattrs, caseSensitive, timePrecisionMs } = abilities;
  const words = [
    atomicRename ? 'atomic rename' : 'no atomic rename',
    hardLinks ? 'hard links' : 'no hard links',
    ...(xattrs === null ? [] : [xattrs ? 'xattrs' : 'no xattrs']),
    caseSensitive ? 'case counts' : 'case does not count',
    ...(timePrecisionMs > 1 ? [`times to ${timePrecisionMs / 1000} s`] : []),
  ];
  return `; ${words.join(', ')}`;
}
