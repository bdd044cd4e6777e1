// Step `checksum`: digests of the original, in one reading, and a checksum file where one is wanted.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { createDigest, digestNames } from '../endpoints/digest.ts';
import { errnoFault } from '../endpoints/errno.ts';
import { baseName, displayPath, pathBytes } from '../model/names.ts';
import type { LocalFile, ProcessCall } from '../model/processing.ts';
import type { Step } from './step.ts';
import { writeResult } from './work-folder.ts';

const params = z.object({
  algorithms: z
    .array(z.enum(digestNames))
    .min(1)
    .default(['sha256'])
    .describe('Any of md5, sha1, sha256, xxh64, xxh3, xxh128, blake3 and c4, in one reading'),
  sidecar: z
    .boolean()
    .default(false)
    .describe('Also writes NAME.sha256 and the like, in the form that sha256sum and its kin read'),
});

export const checksum: Step<z.output<typeof params>> = {
  kind: 'checksum',
  about: 'Digests of the original, in one reading',
  params,
  async run(file, output, { algorithms, sidecar }, call) {
    const digests = algorithms.map((name) => ({ name, digest: createDigest(name) }));
    for await (const bytes of contentOf(file, call)) for (const { digest } of digests) digest.update(bytes);
    const values = Object.fromEntries(digests.map(({ name, digest }) => [name, digest.digest()]));
    if (!sidecar) return { produced: [], facts: { checksums: values }, tool: null };
    const original = baseName(file.path);
    const produced = Object.entries(values).map(([name, value]) => {
      const path = `${original}.${name}`;
      writeResult(output, path, checksumLine(original, value));
      return { role: 'checksum', path, mediaType: 'text/plain' };
    });
    return { produced, facts: { checksums: values }, tool: null };
  },
};

/** As coreutils write it: a name with a backslash or line break is escaped, and the line begins with a backslash then. */
function checksumLine(name: string, value: string): string {
  const plain = displayPath(name) === name && !name.includes('\\');
  return plain
    ? `${value}  ${name}\n`
    : `\\${value}  ${displayPath(name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n'))}\n`;
}

const chunkBytes = 4 * 1024 * 1024;

/** The original from its beginning to its end, in a buffer that is used again. Lets others have their turn between chunks. */
export async function* contentOf(file: LocalFile, { signal, progress }: ProcessCall): AsyncIterable<Uint8Array> {
  const attempt = { operation: 'read', path: file.path };
  let fd: number;
  try {
    fd = openSync(Buffer.from(pathBytes(file.path)), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw errnoFault(error, attempt);
  }
  try {
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunkBytes, file.sizeBytes)));
    for (let done = 0; ; ) {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) return;
      yield buffer.subarray(0, count);
      done += count;
      progress(done, Math.max(done, file.sizeBytes));
      // Whoever wants it stopped says so by a message.
      await setImmediate();
      signal.throwIfAborted();
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw errnoFault(error, attempt);
  } finally {
    closeSync(fd);
  }
}
