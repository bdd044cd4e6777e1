// What the page of a room does beside its client: sends what is picked, takes what arrives to disk, and after a reload goes on by itself where it may.

import { create, type StoreApi, type UseBoundStore } from 'zustand';
import { asFault, Fault } from '../../../src/model/fault.ts';
import { displayPath } from '../../../src/model/names.ts';
import type { RoomClient, RoomTransfer } from '../../../src/peer/room-client.ts';
import { note, noteFault } from '../../live/notes.ts';
import { counted } from '../../words/amounts.ts';
import { hasEnded } from '../../words/rooms.ts';
import { type PickedFile, pickedFile, sourceFile } from './picked-files.ts';
import { flatName } from './receiving/file-names.ts';
import type { GatheredFile } from './receiving/gathered-file.ts';
import { intoDownloads, intoFolder } from './receiving/save-into.ts';
import { type HandOver, savedFile, sweepStaged } from './receiving/staged-file.ts';
import { receivingFile, type WaysIn } from './receiving/ways-in.ts';
import { forgetFile, isPermitted, rememberedFile, rememberFile } from './remembered-files.ts';

/** What only this page knows of a transfer. */
export interface Aside {
  /** Being asked for: its buttons wait. */
  readonly busy?: boolean;
  /** It is whole and could not be put where it was to go: why. */
  readonly unsaved?: string;
  /** It was handed over, and can be again for a while. */
  readonly saved?: boolean;
}

export interface RoomDesk {
  readonly client: RoomClient;
  readonly ways: WaysIn;
  readonly useAsides: UseBoundStore<StoreApi<{ readonly asides: ReadonlyMap<string, Aside> }>>;
  send(receiverIds: readonly string[], files: readonly PickedFile[]): Promise<void>;
  /** `folder` is what the user picked; left out: among the downloads. */
  accept(transfers: readonly RoomTransfer[], folder?: FileSystemDirectoryHandle): Promise<void>;
  /** Has the user pick the folder first. */
  acceptIntoFolder(transfers: readonly RoomTransfer[]): Promise<void>;
  reject(transfers: readonly RoomTransfer[]): Promise<void>;
  act(verb: 'pause' | 'resume' | 'cancel', transfer: RoomTransfer): Promise<void>;
  /** Asks the browser for the file that was sent before a reload; false where the user has to pick it. */
  allowAgain(transfer: RoomTransfer): Promise<boolean>;
  giveAgain(transfer: RoomTransfer, file: File): Promise<void>;
  /** Hands over once more what has arrived. */
  saveAgain(transfer: RoomTransfer, folder?: FileSystemDirectoryHandle): Promise<void>;
  /** Whether somebody waits for bytes of this page. */
  isSending(): boolean;
  close(): void;
}

export function openDesk(client: RoomClient, ways: WaysIn): RoomDesk {
  const useAsides = create<{ asides: ReadonlyMap<string, Aside> }>()(() => ({ asides: new Map() }));
  const put = (id: string, change: Aside) =>
    useAsides.setState(({ asides }) => ({ asides: new Map(asides).set(id, { ...asides.get(id), ...change }) }));
  const arriving = new Map<string, GatheredFile>();
  /** What was tried without asking; once for each time that it is needed. */
  const tried = new Map<string, RoomTransfer['needs']>();

  /** The buttons of these transfers wait; what goes wrong is said in a note. */
  const busy = async (ids: readonly string[], what: () => Promise<void>) => {
    for (const id of ids) put(id, { busy: true });
    try {
      await what();
    } catch (error) {
      noteFault(error);
    } finally {
      for (const id of ids) put(id, { busy: false });
    }
  };

  /** A file that is whole is never lost for want of its place: it stays, and the row says so. */
  const handOver =
    (id: string, into: HandOver): HandOver =>
    async (file) => {
      try {
        await into(file);
        put(id, { saved: true });
      } catch (error) {
        put(id, { unsaved: asFault(error).message });
        throw error;
      }
    };

  const take = async (transfer: RoomTransfer, folder: FileSystemDirectoryHandle | undefined) => {
    const { id, name = 'file', sizeBytes } = transfer;
    const into = folder === undefined ? intoDownloads(flatName(name)) : intoFolder(folder, name);
    const file = await receivingFile(ways, { transferId: id, name, sizeBytes }, folder, handOver(id, into));
    arriving.set(id, file);
    await client.accept(id, file);
    await rememberFile({ transferId: id, folder: folder ?? null });
  };

  const give = async (transfer: RoomTransfer, { source, handle }: PickedFile) => {
    await client.giveAgain(transfer.id, source);
    if (handle !== undefined) await rememberFile({ transferId: transfer.id, handle });
  };

  const giveFromHandle = async (transfer: RoomTransfer, asking: boolean): Promise<boolean> => {
    const { handle } = (await rememberedFile(transfer.id)) ?? {};
    if (handle === undefined || !(await isPermitted(handle, 'read', asking))) return false;
    await give(transfer, pickedFile(await handle.getFile(), transfer.name, handle));
    return true;
  };

  const goOn = async (transfer: RoomTransfer) => {
    if (transfer.needs === 'file') {
      await giveFromHandle(transfer, false);
      return;
    }
    const remembered = await rememberedFile(transfer.id);
    if (remembered?.folder !== undefined) await take(transfer, remembered.folder ?? undefined);
  };

  const look = () => {
    for (const transfer of client.view.transfers) {
      if (transfer.part === 'watching') continue;
      if (hasEnded(transfer)) {
        arriving.delete(transfer.id);
        if (!tried.has(`${transfer.id} ended`)) void forgetFile(transfer.id);
        tried.set(`${transfer.id} ended`, undefined);
      }
      if (transfer.needs === tried.get(transfer.id)) continue;
      tried.set(transfer.id, transfer.needs);
      // Where it cannot go on by itself its row asks.
      if (transfer.needs !== undefined) goOn(transfer).catch(() => undefined);
    }
  };

  const mine = () => client.view.transfers.filter(({ part }) => part === 'sending');
  const sweep = () => {
    if (ways.stages) sweepStaged(Date.now()).catch(() => undefined);
  };
  const sweeping = setInterval(sweep, 60_000);
  const gone = new AbortController();
  // What has come goes to disk before the page does.
  const settle = () => {
    for (const file of arriving.values()) file.settle().catch(() => undefined);
  };
  window.addEventListener('pagehide', settle, { signal: gone.signal });
  const stopLooking = client.subscribe(look);
  look();
  sweep();

  const desk: RoomDesk = {
    ...{ client, ways, useAsides },
    async send(receiverIds, files) {
      if (files.length === 0 || receiverIds.length === 0) return;
      try {
        const { maxFileBytes } = client.view.room;
        const tooLarge = files.find(({ source }) => source.sizeBytes > maxFileBytes);
        if (tooLarge !== undefined) throw tooLargeFor(tooLarge.source.name, maxFileBytes);
        const offered = await client.offer(
          receiverIds,
          files.map(({ source }) => source),
        );
        const handles = new Map(files.map(({ source, handle }) => [source.name, handle]));
        for (const { id, name = '' } of offered) {
          const handle = handles.get(name);
          if (handle !== undefined) await rememberFile({ transferId: id, handle });
        }
      } catch (error) {
        noteFault(error);
      }
    },
    accept: (transfers, folder) =>
      busy(idsOf(transfers), async () => {
        for (const transfer of transfers) await take(transfer, folder);
      }),
    async acceptIntoFolder(transfers) {
      const folder = await pickFolder();
      if (folder !== undefined) await desk.accept(transfers, folder);
    },
    reject: (transfers) =>
      busy(idsOf(transfers), async () => {
        for (const { id } of transfers) await client.reject(id);
      }),
    act: (verb, { id }) => busy([id], () => client[verb](id)),
    async allowAgain(transfer) {
      try {
        return await giveFromHandle(transfer, true);
      } catch (error) {
        noteFault(error);
        return true;
      }
    },
    giveAgain: (transfer, file) =>
      busy([transfer.id], async () => {
        const name = transfer.name ?? file.name;
        if (file.size !== transfer.sizeBytes) {
          throw new Fault(
            'source_changed',
            `This is not the file that was offered: ${displayPath(name)} had another size.`,
          );
        }
        await give(transfer, { source: sourceFile(file, name), handle: undefined });
      }),
    saveAgain: (transfer, folder) =>
      busy([transfer.id], async () => {
        const file = await savedFile(transfer.id);
        if (file === undefined) {
          throw new Fault('not_found', 'This browser no longer keeps the file; ask for it once more.');
        }
        const name = transfer.name ?? 'file';
        await (folder === undefined ? intoDownloads(flatName(name)) : intoFolder(folder, name))(file);
        useAsides.setState(({ asides }) => ({ asides: new Map(asides).set(transfer.id, { saved: true }) }));
      }),
    isSending: () => mine().some((transfer) => !hasEnded(transfer)),
    close() {
      clearInterval(sweeping);
      gone.abort();
      stopLooking();
    },
  };
  return desk;
}

const idsOf = (transfers: readonly RoomTransfer[]) => transfers.map(({ id }) => id);

/** Undefined where the user has thought better of it. */
export async function pickFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await window.showDirectoryPicker?.({ id: 'wherry-room', mode: 'readwrite' });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) noteFault(error);
    return undefined;
  }
}

function tooLargeFor(name: string, mostBytes: number): Fault {
  const most = counted(Math.floor(mostBytes / 1e6), 'MB', 'MB');
  return new Fault('limit_reached', `${displayPath(name)} is larger than this room takes (${most}).`);
}

/** After something that nobody has to act on. */
export function say(text: string): void {
  note('info', text);
}
