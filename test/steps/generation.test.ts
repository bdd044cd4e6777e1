// Generated pictures: what their generators wrote into them is found, becomes facts and a sidecar that exiftool reads, whatever the prompt says.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Generation, generationOf, parametersOf } from '../../src/steps/generation.ts';
import { generationNamespace, xmlText, xmpPacket } from '../../src/steps/xmp-packet.ts';
import { makePhoto } from '../support/media.ts';
import { chunk, iTXt, makePng, type PngChunk, tEXt, zTXt } from '../support/png.ts';
import { openStepBench, type StepBench } from '../support/run-step.ts';

let bench: StepBench;
beforeAll(() => {
  bench = openStepBench();
});
afterAll(() => bench.close());

const forge = `a castle, (sunset:1.2), <lora:mist:0.8>
second line & "quotes"
Negative prompt: blurry, low quality
hands
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 3141592653, Size: 832x1216, Model hash: 6ce0161689, Model: v1-5-pruned, Lora hashes: "mist: 1f, rain: 2e", Version: f2.0.1`;
const forgeFacts = {
  generator: 'a1111',
  prompt: 'a castle, (sunset:1.2), <lora:mist:0.8>\nsecond line & "quotes"',
  negativePrompt: 'blurry, low quality\nhands',
  seed: '3141592653',
  steps: 28,
  sampler: 'DPM++ 2M Karras',
  cfgScale: 7.5,
  model: 'v1-5-pruned',
  modelHash: '6ce0161689',
  rest: { Size: '832x1216', 'Lora hashes': 'mist: 1f, rain: 2e', Version: 'f2.0.1' },
};
const graph = {
  '3': {
    class_type: 'KSampler',
    inputs: {
      ...{ seed: '@seed', steps: 20, cfg: 8, sampler_name: 'euler', scheduler: 'normal', denoise: 1 },
      ...{ model: ['10', 0], positive: ['6', 0], negative: ['7', 0] },
    },
  },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'flux1-dev.safetensors' } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'ein Schloß im Nebel 🏰', clip: ['4', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'text, watermark', clip: ['4', 1] } },
  '10': { class_type: 'LoraLoader', inputs: { lora_name: 'x', model: ['4', 0], clip: ['4', 1] } },
};
// As Python writes it: a seed that no double holds, and a NaN.
const graphText = JSON.stringify(graph).replace('"@seed"', '18446744073709551557');
const workflowText = '{"nodes":[{"id":3,"type":"KSampler"}],"extra":{"ds":NaN}}';

const picture = (name: string, chunks: readonly PngChunk[]) => {
  const path = bench.path(name);
  writeFileSync(path, makePng(chunks));
  return path;
};

describe('parameters', () => {
  test('of Forge are prompt, negative prompt, settings and the rest', () => {
    expect(parametersOf(forge)).toEqual(forgeFacts);
    expect(parametersOf('only a prompt')).toEqual({ generator: 'a1111', prompt: 'only a prompt' });
    expect(parametersOf('Steps: 5, Sampler: Euler a, Seed: 1')).toEqual({
      ...{ generator: 'a1111', steps: 5, sampler: 'Euler a', seed: '1' },
    });
    // A prompt that speaks of steps: the last line that does so counts.
    expect(parametersOf('Steps: 9 to heaven\nSteps: 5, Seed: 1')).toMatchObject({
      prompt: 'Steps: 9 to heaven',
      steps: 5,
    });
  });

  test('of any text are parsed in a time that grows with it alone, into texts that any database takes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('', '\nSteps: 1, A: "', '\nNegative prompt:'),
        (text, end) => {
          const made = parametersOf(text + end);
          expect(JSON.stringify(made).isWellFormed()).toBe(true);
          expect(JSON.stringify(made)).not.toContain('\\u0000');
        },
      ),
    );
    const began = performance.now();
    parametersOf(`Steps: 1, ${'a: "\\'.repeat(200_000)}`);
    parametersOf('Negative prompt: '.repeat(100_000));
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('of ComfyUI are the graph, and what its sampler was given', () => {
    const made = generationOf([
      { keyword: 'prompt', text: graphText },
      { keyword: 'workflow', text: workflowText },
    ]);
    expect(made).toMatchObject({
      ...{ generator: 'comfyui', prompt: 'ein Schloß im Nebel 🏰', negativePrompt: 'text, watermark' },
      ...{ seed: '18446744073709551557', steps: 20, sampler: 'euler', cfgScale: 8, model: 'flux1-dev.safetensors' },
      comfy: { prompt: { '4': graph['4'] }, workflow: { nodes: [{ id: 3 }], extra: { ds: null } } },
    });
    // Links that lead in a circle, graphs that are none, and towers of brackets.
    const circle = {
      '1': { inputs: { steps: 1, seed: 1, positive: ['2', 0] } },
      '2': { inputs: { a: ['1', 0], b: ['2', 0] } },
    };
    expect(generationOf([{ keyword: 'prompt', text: JSON.stringify(circle) }])).toMatchObject({ seed: '1' });
    for (const text of ['[]', '"x"', '{', '['.repeat(200_000), `{"a":${'['.repeat(500)}${']'.repeat(500)}}`]) {
      expect(generationOf([{ keyword: 'workflow', text }])?.comfy?.workflow ?? []).toEqual([]);
    }
    expect(generationOf([{ keyword: 'Title', text: 'Steps: 1' }])).toBeUndefined();
  });
});

describe('the step metadata', () => {
  test.each([
    ['tEXt', [tEXt('parameters', forge)]],
    ['zTXt', [zTXt('parameters', forge)]],
    ['iTXt', [iTXt('parameters', forge)]],
    ['packed iTXt', [iTXt('parameters', forge, { packed: true })]],
  ])('takes them from %s without any program', async (name, chunks) => {
    const { facts, produced, at, tool } = await bench.run('metadata', picture(`${name}.png`, chunks));
    expect(facts).toEqual({ width: 64, height: 48, generation: forgeFacts });
    expect(tool).toBeNull();
    const all = JSON.parse(readFileSync(at(produced[0]?.path ?? ''), 'utf8'));
    expect(all).toMatchObject({ 'PNG:ImageWidth': 64, 'PNG:parameters': forge, generation: forgeFacts });
  });

  test('takes Latin-1 and UTF-8 for what they are', async () => {
    for (const encoding of ['latin1', 'utf8'] as const) {
      const path = picture(`${encoding}.png`, [
        tEXt('parameters', 'Café à la crème\nSteps: 3, Seed: 1, Size: 8x8', encoding),
      ]);
      expect((await bench.run('metadata', path)).facts).toMatchObject({ generation: { prompt: 'Café à la crème' } });
    }
  });

  test('asks exiftool where there is more than that: EXIF, other texts, other formats', async () => {
    const both = picture('both.png', [tEXt('parameters', forge), tEXt('Title', 'Castle')]);
    execFileSync('exiftool', ['-q', '-overwrite_original', '-EXIF:Artist=Ada', both]);
    const { facts, tool, produced, at } = await bench.run('metadata', both);
    expect(facts).toMatchObject({ width: 64, generation: forgeFacts });
    expect(tool).toMatchObject({ name: 'exiftool' });
    expect(JSON.parse(readFileSync(at(produced[0]?.path ?? ''), 'utf8'))).toMatchObject({ 'IFD0:Artist': 'Ada' });
    const photo = bench.path('generated.jpg');
    makePhoto(photo, { UserComment: forge });
    expect((await bench.run('metadata', photo)).facts).toMatchObject({ make: 'ACME', generation: forgeFacts });
    makePhoto(photo, { Make: `workflow:${workflowText}`, Model: `prompt:${graphText}` });
    const comfy = (await bench.run('metadata', photo)).facts;
    expect(comfy).toMatchObject({ generation: { generator: 'comfyui', seed: '18446744073709551557' } });
  });

  test('a bomb, broken chunks and a file that is none keep nothing from being read', async () => {
    const bomb = zTXt('workflow', Buffer.alloc(64 * 1024 * 1024, 0x20));
    const broken = chunk('zTXt', Buffer.from('prompt\0\0not packed'));
    const path = picture('hostile.png', [bomb, broken, chunk('iTXt', Buffer.from('x')), tEXt('parameters', forge)]);
    expect((await bench.run('metadata', path)).facts).toMatchObject({ generation: { seed: '3141592653' } });
    const cut = bench.path('cut.png');
    writeFileSync(cut, makePng([tEXt('parameters', forge)]).subarray(0, 200));
    expect((await bench.run('metadata', cut)).facts).toEqual({ width: 64, height: 48 });
    const none = bench.path('none.png');
    writeFileSync(none, '');
    await expect(bench.run('metadata', none)).rejects.toMatchObject({ code: 'step_failed' });
  });

  test('a graph too large for a fact stays in the file with everything', async () => {
    const large = JSON.stringify({ nodes: Array.from({ length: 30_000 }, (_, id) => ({ id, type: 'KSampler' })) });
    const path = picture('large.png', [tEXt('workflow', large), tEXt('prompt', graphText)]);
    const { facts, produced, at } = await bench.run('metadata', path);
    expect(facts.generation).toMatchObject({ shortened: true, prompt: 'ein Schloß im Nebel 🏰' });
    expect(JSON.stringify(facts).length).toBeLessThan(300_000);
    const all = JSON.parse(readFileSync(at(produced[0]?.path ?? ''), 'utf8'));
    expect(all.generation.comfy.workflow.nodes).toHaveLength(30_000);
  });
});

/** By XML 1.0's own list, said in another way than the writer does. */
function isXml(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return (
    character.isWellFormed() && !'\ufffe\uffff'.includes(character) && (code >= 0x20 || '\t\n\r'.includes(character))
  );
}

describe('the step xmp', () => {
  const read = (paths: readonly string[]) =>
    JSON.parse(
      execFileSync('exiftool', ['-json', '-G1', '-struct', '-b', '-api', 'largefilesupport=1', ...paths], {
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as Record<string, unknown>[];
  const own = (tags: Record<string, unknown> | undefined, name: string) => tags?.[`XMP-wherrygen:${name}`];

  test('writes each field where exiftool finds it, and alters nothing of the original', async () => {
    const path = picture('forge.png', [tEXt('parameters', forge)]);
    const before = [createHash('sha256').update(readFileSync(path)).digest('hex'), statSync(path).mtimeMs];
    const { at, produced, tool } = await bench.run('xmp', path);
    expect(produced).toEqual([{ role: 'xmp', path: 'forge.xmp', mediaType: 'application/rdf+xml' }]);
    expect(tool).toBeNull();
    execFileSync('xmllint', ['--noout', at('forge.xmp')]);
    const [tags] = read([at('forge.xmp')]);
    expect(tags).toMatchObject({
      'XMP-dc:Description': forgeFacts.prompt,
      'XMP-dc:Format': 'image/png',
      'XMP-tiff:ImageWidth': 64,
      'XMP-exif:ExifImageHeight': 48,
      'XMP-xmp:CreatorTool': 'Stable Diffusion web UI',
      'XMP-iptcExt:DigitalSourceType': 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia',
    });
    expect([own(tags, 'NegativePrompt'), own(tags, 'Seed'), own(tags, 'Steps')].map(String)).toEqual([
      forgeFacts.negativePrompt,
      '3141592653',
      '28',
    ]);
    expect([own(tags, 'Sampler'), own(tags, 'Model'), own(tags, 'CfgScale')].map(String)).toEqual([
      'DPM++ 2M Karras',
      'v1-5-pruned',
      '7.5',
    ]);
    expect(own(tags, 'Parameters')).toContain('Lora hashes: mist: 1f, rain: 2e');
    expect(readFileSync(at('forge.xmp'), 'utf8')).toContain(`xmlns:wherrygen="${generationNamespace}"`);
    expect([createHash('sha256').update(readFileSync(path)).digest('hex'), statSync(path).mtimeMs]).toEqual(before);
  });

  test('keeps the graphs of ComfyUI, and both what exiftool adds and what is one’s own', async () => {
    const path = picture('comfy.png', [
      tEXt('prompt', graphText),
      tEXt('workflow', workflowText),
      tEXt('Author', 'Ada'),
    ]);
    const { at } = await bench.run('xmp', path, { fields: { 'XMP-dc:Title': 'of {name}' } });
    execFileSync('xmllint', ['--noout', at('comfy.xmp')]);
    const [tags] = read([at('comfy.xmp')]);
    expect(tags).toMatchObject({ 'XMP-dc:Description': 'ein Schloß im Nebel 🏰', 'XMP-dc:Title': 'of comfy.png' });
    expect(JSON.parse(String(own(tags, 'ComfyPrompt')))).toMatchObject({ '4': graph['4'] });
    expect(String(own(tags, 'Seed'))).toBe('18446744073709551557');
  });

  test('is valid, and says what it may of any prompt: control characters, halves of pairs, ]]>, huge', {
    timeout: 60_000,
  }, () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({
        unit: fc.constantFrom(
          ']]>',
          '<![CDATA[',
          '&amp;',
          '\ud800',
          '\udfff',
          '\0',
          '\u000b',
          '\ufffe',
          '\r',
          '"',
          '🏰',
          '--',
          '<?x',
          'a',
        ),
      }),
    );
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 40, maxLength: 40 }), (prompts) => {
        const paths = prompts.map((prompt, at) => {
          const path = join(bench.folder, `prompt-${at}.xmp`);
          const generation: Generation = {
            generator: 'a1111',
            prompt: `x${prompt}x`,
            negativePrompt: `x${prompt}x`,
            seed: '1',
          };
          writeFileSync(path, xmpPacket({ format: null, width: 1, height: 1, generation }));
          return path;
        });
        execFileSync('xmllint', ['--noout', '--huge', ...paths]);
        for (const [at, tags] of read(paths).entries()) {
          const wanted = [...`x${prompts[at]}x`].filter(isXml).join('');
          expect([tags['XMP-dc:Description'], own(tags, 'NegativePrompt')]).toEqual([wanted, wanted]);
        }
      }),
      { numRuns: 4 },
    );
    const huge = join(bench.folder, 'huge.xmp');
    const prompt = '<]]>&🏰'.repeat(300_000);
    writeFileSync(
      huge,
      xmpPacket({ format: null, width: null, height: null, generation: { generator: 'a1111', prompt } }),
    );
    execFileSync('xmllint', ['--noout', '--huge', huge]);
    expect(read([huge])[0]?.['XMP-dc:Description']).toBe(prompt);
  });

  test('control: a prompt between CDATA marks breaks the sidecar', () => {
    const naive = (text: string) => `<?xml version="1.0"?><a><![CDATA[${text}]]></a>`;
    const path = bench.path('naive.xml');
    for (const [prompt, isValid] of [
      ['plain', true],
      ['end ]]> <', false],
      ['\u0001', false],
    ] as const) {
      writeFileSync(path, naive(prompt));
      let valid = true;
      try {
        execFileSync('xmllint', ['--noout', path], { stdio: 'ignore' });
      } catch {
        valid = false;
      }
      expect([prompt, valid]).toEqual([prompt, isValid]);
    }
    expect(xmlText('end ]]> <\u0001')).toBe('end ]]&gt; &lt;');
  });
});
