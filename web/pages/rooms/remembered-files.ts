// What the browser remembers of files that are under way, beyond a reload: the handle of one that is sent, the folder of one that is received.

export interface RememberedFile {
  readonly transferId: string;
  /** Of a file that is sent. */
  readonly handle?: FileSystemFileHandle;
  /** Of a file that is received: where it goes; null is among the downloads. */
  readonly folder?: FileSystemDirectoryHandle | null;
}

const store = 'files';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open('wherry-rooms', 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(store, { keyPath: 'transferId' });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function act<Value>(
  mode: IDBTransactionMode,
  what: (files: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const database = await open();
  try {
    return await new Promise<Value>((resolve, reject) => {
      const asked = what(database.transaction(store, mode).objectStore(store));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } finally {
    database.close();
  }
}

/** Without a memory (a private window) the user is asked again after a reload. */
export async function rememberFile(file: RememberedFile): Promise<void> {
  await act('readwrite', (files) => files.put(file)).catch(() => undefined);
}

export async function rememberedFile(transferId: string): Promise<RememberedFile | undefined> {
  return act<RememberedFile | undefined>('readonly', (files) => files.get(transferId)).catch(() => undefined);
}

export async function forgetFile(transferId: string): Promise<void> {
  await act('readwrite', (files) => files.delete(transferId)).catch(() => undefined);
}

type Permitted = FileSystemHandle & {
  queryPermission?(options: { mode: 'read' | 'readwrite' }): Promise<PermissionState>;
  requestPermission?(options: { mode: 'read' | 'readwrite' }): Promise<PermissionState>;
};

/** After a reload a handle may need the user's word once more; `asking` puts the question, which takes a click. */
export async function isPermitted(
  handle: FileSystemHandle,
  mode: 'read' | 'readwrite',
  asking: boolean,
): Promise<boolean> {
  const permitted: Permitted = handle;
  const state = await permitted.queryPermission?.({ mode });
  if (state === undefined || state === 'granted') return true;
  return asking && (await permitted.requestPermission?.({ mode })) === 'granted';
}
