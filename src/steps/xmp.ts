// Step `xmp`: a sidecar with the original's metadata as XMP, and fields of one's own; read back before it counts.

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { baseName, displayPath } from '../model/names.ts';
import { exiftool, exiftoolTool, readTags } from './exiftool.ts';
import { failed } from './ffmpeg.ts';
import { kindOf } from './file-kind.ts';
import { endWords } from './program.ts';
import type { Step } from './step.ts';
import { nameResult, plainInput } from './work-folder.ts';

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
    const name = displayPath(baseName(file.path));
    const values = Object.entries(fields).map(
      ([tag, value]) => [tag, [value].flat().map((each) => each.replaceAll('{name}', name))] as const,
    );
    const sets = values.flatMap(([tag, texts]) => texts.map((text) => `-${tag}=${text}`));
    const takes = copy ? ['-tagsfromfile', plainInput(file, output), '-all>XMP:all'] : [];
    const end = await exiftool(['-m', '-q', ...takes, ...sets, './sidecar.xmp'], folder, call);
    if (end.code !== 0) throw failed(file, `exiftool ${endWords(end)}`);
    const tags = await readTags('./sidecar.xmp', file, folder, call);
    for (const [tag, texts] of values) {
      const found = tags[tag];
      if (!isDeepStrictEqual([found].flat().map(String), texts)) {
        throw failed(file, `${tag} is ${displayPath(JSON.stringify(found) ?? 'missing')} in the sidecar, read again`);
      }
    }
    const path = `${output.name}.xmp`;
    nameResult(output, 'sidecar.xmp', path, file, 'exiftool');
    const tool = await exiftoolTool([...(copy ? ['-tagsfromfile', '-all>XMP:all'] : []), ...sets], folder, call);
    return { produced: [{ role: 'xmp', path, mediaType: 'application/rdf+xml' }], facts: {}, tool };
  },
};
