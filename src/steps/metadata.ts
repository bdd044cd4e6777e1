// Step `metadata`: what the original says of itself: all of it as JSON, and the chief facts, with how a generated picture was made.

import { z } from 'zod';
import type { LocalFile, OutputPlan, ProcessCall, Tool } from '../model/processing.ts';
import { exiftoolTool, readTags, type Tags } from './exiftool.ts';
import { kindOf } from './file-kind.ts';
import { type Generation, generationOf, looksLikeParameters } from './generation.ts';
import { type Png, readPng } from './png-chunks.ts';
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
    const { tags, texts, generation, tool } = await selfDescription(file, output, call);
    const facts = { ...chiefFacts(tags), ...(generation === undefined ? {} : { generation: withinFacts(generation) }) };
    if (!wantsFile) return { produced: [], facts, tool };
    const path = `${output.name}.metadata.json`;
    const all = { ...tags, ...texts, ...(generation === undefined ? {} : { generation }) };
    writeResult(output, path, `${JSON.stringify(all, null, 2)}\n`);
    return { produced: [{ role: 'metadata', path, mediaType: 'application/json' }], facts, tool };
  },
};

export interface SelfDescription {
  readonly tags: Tags;
  /** Texts of a PNG as tags, where exiftool was not asked. */
  readonly texts: Tags;
  readonly generation: Generation | undefined;
  readonly tool: Tool | null;
  /** A PNG that holds nothing but its picture and texts of known meaning: there is nothing that exiftool could add. */
  readonly png: Png | undefined;
}

/**
 * A PNG of a generator is read here: thousands of them come at a time, and starting a program takes longer than all the rest. Everything else is
 * read by exiftool; in other files generators leave the same texts in EXIF. Rejects as `readTags`.
 */
export async function selfDescription(
  file: LocalFile,
  output: OutputPlan,
  call: ProcessCall,
): Promise<SelfDescription> {
  const png = readPng(file);
  const generation = png === undefined ? undefined : generationOf(png.texts);
  if (png !== undefined && !png.hasMore && png.texts.every(({ keyword }) => ofGenerators.has(keyword.toLowerCase()))) {
    const { width, height, bitDepth, colourType } = png;
    const tags = {
      'PNG:ImageWidth': width,
      'PNG:ImageHeight': height,
      'PNG:BitDepth': bitDepth,
      'PNG:ColorType': colourType,
    };
    const texts = Object.fromEntries(png.texts.map(({ keyword, text }) => [`PNG:${keyword}`, text.toWellFormed()]));
    return { tags, texts, generation, tool: null, png };
  }
  const tags = withoutPlace(await readTags(plainInput(file, output), file, output.workFolder, call));
  const tool = await exiftoolTool(['-json', '-G1', '-struct', '-n'], output.workFolder, call);
  return { tags, texts: {}, generation: generation ?? generationOf(textsOfTags(tags)), tool, png: undefined };
}

/** Keywords whose meaning `generationOf` knows, or that say nothing to anybody but their generator. */
const ofGenerators = new Set([
  'parameters',
  'prompt',
  'workflow',
  'extra_data',
  'postprocessing',
  'extras',
  'forge_version',
]);

/** A1111 writes a user comment into JPEG and WebP; ComfyUI `prompt:{…}` and `workflow:{…}` as make and model of a camera; videos have tags of these names. */
function textsOfTags(tags: Tags) {
  return Object.entries(tags).flatMap(([name, value]) => {
    const tag = name.replace(/^.*:/, '');
    if (typeof value !== 'string') return [];
    if (tag === 'UserComment' && looksLikeParameters(value)) return [{ keyword: 'parameters', text: value }];
    const prefixed = /^(prompt|workflow):(?=\s*\{)/i.exec(value);
    if (prefixed !== null) return [{ keyword: prefixed[1] ?? '', text: value.slice(prefixed[0].length) }];
    return /^(parameters|prompt|workflow)$/i.test(tag) ? [{ keyword: tag, text: value }] : [];
  });
}

const mostFactCharacters = 256 * 1024;

/** Facts go into the ledger and to whoever hears of them: a graph that is larger than this is left to the file with everything. */
function withinFacts(made: Generation): Generation & { readonly shortened?: true } {
  const cut = (text: string | undefined) => text?.slice(0, mostFactCharacters).toWellFormed();
  const isLarge = JSON.stringify(made).length > mostFactCharacters;
  if (!isLarge) return made;
  const { comfy: _, rest: __, prompt, negativePrompt, ...small } = made;
  return {
    ...small,
    ...(prompt === undefined ? {} : { prompt: cut(prompt) ?? '' }),
    ...(negativePrompt === undefined ? {} : { negativePrompt: cut(negativePrompt) ?? '' }),
    shortened: true,
  };
}

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
    // A workflow in place of a camera's name is no chief fact.
    if (tag === undefined || value === '' || (typeof value === 'string' && value.length > 1000)) continue;
    if (!byTag.has(tag) || group === 'Composite')
      byTag.set(tag, typeof value === 'string' ? value.replaceAll('\0', '') : value);
  }
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([fact, names]) => {
      const name = names.find((each) => byTag.has(each));
      return name === undefined ? [] : [[fact, byTag.get(name)]];
    }),
  );
}
