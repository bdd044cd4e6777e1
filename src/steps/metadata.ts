// Step `metadata`: what the original says of itself, read by exiftool: all of it as JSON, and the chief facts.

import { z } from 'zod';
import { exiftoolTool, readTags, type Tags } from './exiftool.ts';
import { kindOf } from './file-kind.ts';
import type { Step } from './step.ts';
import { plainInput, writeResult } from './work-folder.ts';

const params = z.object({
  file: z.boolean().default(true).describe('Also writes NAME.metadata.json with every tag'),
});

export const metadata: Step<z.output<typeof params>> = {
  kind: 'metadata',
  about: 'Camera, time, place, size and length as the original says them',
  params,
  takes: (file) => kindOf(file) !== 'other',
  async run(file, output, { file: wantsFile }, call) {
    const folder = output.workFolder;
    const tags = withoutPlace(await readTags(plainInput(file, output), file, folder, call));
    const tool = await exiftoolTool(['-json', '-G1', '-struct', '-n'], folder, call);
    const facts = chiefFacts(tags);
    if (!wantsFile) return { produced: [], facts, tool };
    const path = `${output.name}.metadata.json`;
    writeResult(output, path, `${JSON.stringify(tags, null, 2)}\n`);
    return { produced: [{ role: 'metadata', path, mediaType: 'application/json' }], facts, tool };
  },
};

/** What exiftool says of the name under which it was given the file, and of this machine. */
function withoutPlace(tags: Tags): Tags {
  return Object.fromEntries(
    Object.entries(tags).filter(([name]) => name !== 'SourceFile' && !/^(System|ExifTool):/.test(name)),
  );
}

const wanted: Readonly<Record<string, readonly string[]>> = {
  make: ['Make'],
  model: ['Model', 'CameraModelName'],
  serial: ['SerialNumber', 'CameraSerialNumber', 'InternalSerialNumber'],
  lens: ['LensModel', 'Lens', 'LensID'],
  takenAt: ['SubSecDateTimeOriginal', 'DateTimeOriginal', 'CreateDate', 'MediaCreateDate'],
  width: ['ImageWidth', 'SourceImageWidth'],
  height: ['ImageHeight', 'SourceImageHeight'],
  durationSeconds: ['Duration', 'MediaDuration'],
  frameRate: ['VideoFrameRate'],
  orientation: ['Orientation', 'Rotation'],
  latitude: ['GPSLatitude'],
  longitude: ['GPSLongitude'],
  altitude: ['GPSAltitude'],
};

/** By the tag's own name whatever its group; of several the one that exiftool puts last and calculates itself counts. */
function chiefFacts(tags: Tags): Readonly<Record<string, unknown>> {
  const byTag = new Map<string, unknown>();
  for (const [name, value] of Object.entries(tags)) {
    const [group, tag] = name.split(':');
    if (tag === undefined || value === '') continue;
    if (!byTag.has(tag) || group === 'Composite') byTag.set(tag, value);
  }
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([fact, names]) => {
      const name = names.find((each) => byTag.has(each));
      return name === undefined ? [] : [[fact, byTag.get(name)]];
    }),
  );
}
