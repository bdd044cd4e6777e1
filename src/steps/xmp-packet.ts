// Writes an XMP packet: the standard's own properties, and how a generated picture was made. Pure.

import type { Generation } from './generation.ts';

/** Of generation parameters, for which no standard has a place. */
export const generationNamespace = 'urn:wherry:xmp:generation:1.0/';
export const generationPrefix = 'wherrygen';

const namespaces = {
  dc: 'http://purl.org/dc/elements/1.1/',
  tiff: 'http://ns.adobe.com/tiff/1.0/',
  exif: 'http://ns.adobe.com/exif/1.0/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  Iptc4xmpExt: 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/',
  [generationPrefix]: generationNamespace,
} as const;

export interface PacketFacts {
  /** `image/png`. */
  readonly format: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly generation: Generation | undefined;
}

/** Larger graphs are kept where they are: in the original. */
const mostGraphCharacters = 1024 * 1024;

/**
 * As XMP Specification Part 1 (ISO 16684-1, 7) serialises it: the prompt is `dc:description` in `x-default`, the kind of source that of IPTC for
 * what a trained model made. Characters that XML 1.0 does not allow are left out.
 */
export function xmpPacket({ format, width, height, generation }: PacketFacts): string {
  const size = (name: string, value: number | null) => (value === null ? '' : element(name, String(value)));
  const body = [
    format === null ? '' : element('dc:format', format),
    size('tiff:ImageWidth', width),
    size('tiff:ImageLength', height),
    size('exif:PixelXDimension', width),
    size('exif:PixelYDimension', height),
    ...(generation === undefined ? [] : generated(generation)),
  ]
    .filter((line) => line !== '')
    .map((line) => `   ${line}\n`)
    .join('');
  const declared = Object.entries(namespaces).map(([prefix, uri]) => `\n    xmlns:${prefix}="${uri}"`);
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>\n',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Wherry">\n',
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n',
    `  <rdf:Description rdf:about=""${declared.join('')}>\n`,
    body,
    '  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n',
    '<?xpacket end="w"?>\n',
  ].join('');
}

function generated(made: Generation): string[] {
  const own = (name: string, value: string | number | undefined) =>
    value === undefined || xmlText(String(value)) === '' ? '' : element(`${generationPrefix}:${name}`, String(value));
  const graph = (name: string, value: unknown) => {
    const text = value === undefined ? '' : JSON.stringify(value);
    return text === '' || text.length > mostGraphCharacters ? '' : element(`${generationPrefix}:${name}`, text);
  };
  const prompt = xmlText(made.prompt ?? '');
  const tools = { a1111: 'Stable Diffusion web UI', comfyui: 'ComfyUI' } as const;
  return [
    prompt === ''
      ? ''
      : `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${prompt}</rdf:li></rdf:Alt></dc:description>`,
    element('xmp:CreatorTool', tools[made.generator]),
    element('Iptc4xmpExt:DigitalSourceType', 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'),
    own('Generator', made.generator),
    own('NegativePrompt', made.negativePrompt),
    own('Seed', made.seed),
    own('Steps', made.steps),
    own('Sampler', made.sampler),
    own('CfgScale', made.cfgScale),
    own('Model', made.model),
    own('ModelHash', made.modelHash),
    bag('Parameters', Object.entries(made.rest ?? {})),
    graph('ComfyPrompt', made.comfy?.prompt),
    graph('ComfyWorkflow', made.comfy?.workflow),
  ];
}

function bag(name: string, pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return '';
  const items = pairs.map(([key, value]) => `<rdf:li>${xmlText(`${key}: ${value}`)}</rdf:li>`).join('');
  return `<${generationPrefix}:${name}><rdf:Bag>${items}</rdf:Bag></${generationPrefix}:${name}>`;
}

function element(name: string, value: string): string {
  return `<${name}>${xmlText(value)}</${name}>`;
}

/** As the content of an element, `]]>` included. A carriage return is written as a reference: a parser would make a line feed of it. */
export function xmlText(text: string): string {
  let written = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === '&') written += '&amp;';
    else if (character === '<') written += '&lt;';
    else if (character === '>') written += '&gt;';
    else if (code === 0xd) written += '&#xD;';
    else if (isAllowed(code)) written += character;
  }
  return written;
}

/** XML 1.0, production 2 (Char). */
function isAllowed(code: number): boolean {
  return (
    code === 0x9 ||
    code === 0xa ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}
