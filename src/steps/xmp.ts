// Step `xmp`: a sidecar with the original's metadata as XMP, how a generated picture was made, and fields of one's own.

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { baseName, displayPath } from '../model/names.ts';
import { exiftool, exiftoolTool, readTags } from './exiftool.ts';
import { failed } from './ffmpeg.ts';
import { kindOf } from './file-kind.ts';
import { selfDescription } from './metadata.ts';
import { endWords } from './program.ts';
import type { Step } from './step.ts';
import { nameResult, plainInput, writeResult } from './work-folder.ts';
import { xmpPacket } from './xmp-packet.ts';

const params = z.object({
  fields: z
    .record(
      z
        .string()
        .regex(/^XMP-[A-Za-z0-9]+:[A-Za-z0-9]+$/, { message: 'Write a tag as exiftool names it: XMP-dc:Title.' }),
      z.union([z.string(), z.array(z.string()).min(1)]),
    )
    .default({})
    .describe('Tags to set, as exiftool names them (XMP-dc:Title), to a text or a list; {name} is the original’s name'),
  copy: z.boolean().default(true).describe('Takes over what the original says, as far as XMP has a place for it'),
});

export const xmp: Step<z.output<typeof params>> = {
  kind: 'xmp',
  about: 'A sidecar with the metadata as XMP, and fields of your own',
  params,
  takes: (file) => kindOf(file) !== 'other',
  async run(file, output, { fields, copy }, call) {
    const folder = output.workFolder;
    const path = `${output.name}.xmp`;
    const produced = [{ role: 'xmp', path, mediaType: 'application/rdf+xml' }];
    const about = copy ? await selfDescription(file, output, call) : undefined;
    if (about !== undefined && (about.png !== undefined || about.generation !== undefined)) {
      const { png = null, generation } = about;
      const [width, height] = [png?.width ?? null, png?.height ?? null];
      const packet = xmpPacket({ format: png === null ? null : 'image/png', width, height, generation });
      if (png !== null && Object.keys(fields).length === 0) {
        writeResult(output, path, packet);
        return { produced, facts: {}, tool: null };
      }
      // What exiftool then adds leaves the rest as it is.
      writeResult(output, 'sidecar.xmp', packet);
    }
    const name = displayPath(baseName(file.path));
    const values = Object.entries(fields).map(
      ([tag, value]) => [tag, [value].flat().map((each) => each.replaceAll('{name}', name))] as const,
    );
    const sets = values.flatMap(([tag, texts]) => texts.map((text) => `-${tag}=${text}`));
    const takes = copy ? ['-tagsfromfile', plainInput(file, output), '-all>XMP:all'] : [];
    const end = await exiftool(['-m', '-q', '-overwrite_original', ...takes, ...sets, './sidecar.xmp'], folder, call);
    if (end.code !== 0) throw failed(file, `exiftool ${endWords(end)}`);
    const tags = await readTags('./sidecar.xmp', file, folder, call);
    for (const [tag, texts] of values) {
      const found = tags[tag];
      if (!isDeepStrictEqual([found].flat().map(String), texts)) {
        throw failed(file, `${tag} is ${displayPath(JSON.stringify(found) ?? 'missing')} in the sidecar, read again`);
      }
    }
    nameResult(output, 'sidecar.xmp', path, file, 'exiftool');
    const tool = await exiftoolTool([...(copy ? ['-tagsfromfile', '-all>XMP:all'] : []), ...sets], folder, call);
    return { produced, facts: {}, tool };
  },
};
