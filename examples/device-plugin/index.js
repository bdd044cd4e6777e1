// An adapter for Wherry in one file: a folder with a `label.json` in it is a device, as long as that label is there.

import { createReadStream } from 'node:fs';
import { opendir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';

/**
 * @import { DeviceAdapter, DeviceConnection, DeviceInfo, RemoteFile } from 'wherry'
 * @typedef {{ serial: string, name?: string }} Label
 */

const labelName = 'label.json';

/** What Wherry looks for in a plugin. WHERRY_LABELLED_FOLDERS names the folders, parted by colons. */
export function wherryAdapters() {
  const folders = (process.env.WHERRY_LABELLED_FOLDERS ?? '').split(':').filter((folder) => folder !== '');
  return [labelledFolders(folders)];
}

/**
 * @param {readonly string[]} folders absolute paths
 * @returns {DeviceAdapter}
 */
export function labelledFolders(folders) {
  return {
    kind: 'labelled_folder',
    async *discover({ signal }) {
      for (const folder of folders) {
        signal.throwIfAborted();
        const device = await deviceIn(folder);
        if (device !== undefined) yield device;
      }
    },
    async connect(device, { signal }) {
      signal.throwIfAborted();
      for (const folder of folders) {
        if ((await deviceIn(folder))?.id === device.id) return connectionTo(folder, device);
      }
      throw fault('device', `${device.name} is not there.`);
    },
  };
}

/**
 * @param {string} folder
 * @param {DeviceInfo} device
 * @returns {DeviceConnection}
 */
function connectionTo(folder, device) {
  /** Whatever is asked: first, that it is still this device. */
  const check = async () => {
    if ((await deviceIn(folder))?.id !== device.id) throw fault('device', `${device.name} is away.`);
  };
  return {
    readsFrom: true,
    check,
    async *list({ signal }) {
      await check();
      for await (const entry of await opendir(folder, { recursive: true })) {
        signal.throwIfAborted();
        const path = relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/');
        if (!entry.isFile() || path === labelName) continue;
        const file = await fileAt(folder, path);
        if (file !== undefined) yield file;
      }
      // A folder that was taken away lists nothing; that is not the same as an empty one.
      await check();
    },
    async stat(path, { signal }) {
      signal.throwIfAborted();
      await check();
      return fileAt(folder, path);
    },
    async read(path, from, { signal }) {
      signal.throwIfAborted();
      await check();
      const file = await fileAt(folder, path);
      if (file === undefined) throw fault('not_found', `${path} is not on ${device.name}.`);
      if (from >= file.size) return new ReadableStream({ start: (controller) => controller.close() });
      return /** @type {ReadableStream<Uint8Array>} */ (
        Readable.toWeb(createReadStream(join(folder, path), { start: from, signal }))
      );
    },
    async remove(path, { signal }) {
      signal.throwIfAborted();
      await check();
      await rm(join(folder, path), { force: true });
    },
    async close() {
      // Nothing is kept open between calls.
    },
  };
}

/**
 * @param {string} folder
 * @returns {Promise<DeviceInfo | undefined>} undefined where no label is
 */
async function deviceIn(folder) {
  try {
    const { serial, name } = /** @type {Label} */ (JSON.parse(await readFile(join(folder, labelName), 'utf8')));
    return { id: `label-${serial}`, kind: 'labelled_folder', name: name ?? serial, serial, address: folder };
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @param {string} path
 * @returns {Promise<RemoteFile | undefined>}
 */
async function fileAt(folder, path) {
  try {
    const stats = await stat(join(folder, path));
    return stats.isFile() ? { path, size: stats.size, mtime: Math.round(stats.mtimeMs) } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * An error that tells Wherry what it means. `Fault` of the package `wherry` does the same.
 * @param {'device' | 'not_found'} code
 * @param {string} message
 */
function fault(code, message) {
  return Object.assign(new Error(message), { name: 'Fault', code });
}
