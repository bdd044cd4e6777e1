// The folder of the browser's private file system (OPFS) that holds what is still arriving, and the names in it.

export const dataName = (key: string) => `${key}.part`;
export const journalName = (key: string) => `${key}.journal`;
/** Empty; its time tells when the file was handed over. */
export const savedName = (key: string) => `${key}.saved`;

export async function openStagingFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle('wherry-rooms', { create: true });
}
