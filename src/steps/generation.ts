// How a generated picture was made, out of what its generator wrote into it: A1111 and Forge (`parameters`), ComfyUI (`prompt`, `workflow`). Pure.

import type { PngText } from './png-chunks.ts';

/** Every text is well-formed and without NUL, so that any database takes it. */
export interface Generation {
  readonly generator: 'a1111' | 'comfyui';
  readonly prompt?: string;
  readonly negativePrompt?: string;
  /** As it was written: seeds exceed what a double holds. */
  readonly seed?: string;
  readonly steps?: number;
  readonly sampler?: string;
  readonly cfgScale?: number;
  readonly model?: string;
  readonly modelHash?: string;
  /** What else A1111 says, by its own names. */
  readonly rest?: Readonly<Record<string, string>>;
  /** ComfyUI: what was run, and what was drawn. */
  readonly comfy?: { readonly prompt?: unknown; readonly workflow?: unknown };
}

/** Of several sources the first that says something of a kind counts. Undefined where nothing was generated, or nobody said so. */
export function generationOf(texts: readonly PngText[]): Generation | undefined {
  const first = (keyword: string) => texts.find((one) => one.keyword.toLowerCase() === keyword)?.text;
  const parameters = first('parameters');
  const prompt = parsed(first('prompt'));
  const workflow = parsed(first('workflow'));
  const comfy =
    prompt === undefined && workflow === undefined
      ? undefined
      : { ...(prompt === undefined ? {} : { prompt }), ...(workflow === undefined ? {} : { workflow }) };
  if (parameters !== undefined && looksLikeParameters(parameters)) {
    return { ...parametersOf(parameters), ...(comfy === undefined ? {} : { comfy }) };
  }
  return comfy === undefined ? undefined : { generator: 'comfyui', ...settingsOf(comfy.prompt), comfy };
}

/** A1111 writes the same text into other files as their user comment. */
export function looksLikeParameters(text: string): boolean {
  return /(^|\n)\s*Steps: \d/.test(text) || /(^|\n)Negative prompt:/.test(text);
}

/**
 * Three parts: the prompt, `Negative prompt: …`, and one line of `Key: value` pairs, of which values with commas are quoted as JSON. Any part may be
 * missing. A time that grows with the text alone.
 */
export function parametersOf(given: string): Generation {
  const lines = cleanText(given).trimEnd().split('\n');
  const marked = lines.findLastIndex((line) => /^\s*Steps: \d/.test(line));
  const at = marked < 0 ? lines.length - 1 : marked;
  const pairs = pairsOf(lines[at] ?? '');
  if (pairs.size >= 3 || pairs.has('Steps')) lines.length = at;
  else pairs.clear();
  const negativeAt = lines.findIndex((line) => line.trimStart().startsWith('Negative prompt:'));
  const prompt = (negativeAt < 0 ? lines : lines.slice(0, negativeAt)).join('\n').trim();
  const negative =
    negativeAt < 0 ? '' : lines.slice(negativeAt).join('\n').trim().slice('Negative prompt:'.length).trim();
  const take = (key: string) => {
    const value = pairs.get(key);
    pairs.delete(key);
    return value;
  };
  const steps = numberOf(take('Steps'));
  const sampler = take('Sampler');
  const cfgScale = numberOf(take('CFG scale'));
  const seed = take('Seed');
  const model = take('Model');
  const modelHash = take('Model hash');
  return {
    generator: 'a1111',
    ...(prompt === '' ? {} : { prompt }),
    ...(negative === '' ? {} : { negativePrompt: negative }),
    ...(seed === undefined ? {} : { seed }),
    ...(steps === undefined ? {} : { steps }),
    ...(sampler === undefined ? {} : { sampler }),
    ...(cfgScale === undefined ? {} : { cfgScale }),
    ...(model === undefined ? {} : { model }),
    ...(modelHash === undefined ? {} : { modelHash }),
    ...(pairs.size === 0 ? {} : { rest: Object.fromEntries(pairs) }),
  };
}

function pairsOf(line: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let at = 0; at < line.length; ) {
    const colon = line.indexOf(':', at);
    if (colon < 0) break;
    const key = line.slice(at, colon).trim();
    if (key === '' || key.length > 100 || key.includes(',')) return new Map();
    let from = colon + 1;
    while (line[from] === ' ') from += 1;
    const quoted = line[from] === '"' ? endOfQuote(line, from) : undefined;
    if (quoted !== undefined && (quoted === line.length || line[quoted] === ',')) {
      pairs.set(key, unquoted(line.slice(from, quoted)));
      at = quoted + 1;
    } else {
      const comma = line.indexOf(',', from);
      const end = comma < 0 ? line.length : comma;
      pairs.set(key, line.slice(from, end).trim());
      at = end + 1;
    }
  }
  return pairs;
}

function endOfQuote(line: string, from: number): number | undefined {
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] === '\\') at += 1;
    else if (line[at] === '"') return at + 1;
  }
  return undefined;
}

function unquoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? cleanText(value) : text;
  } catch {
    return text.slice(1, -1);
  }
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

type Node = { readonly class_type?: unknown; readonly inputs?: Readonly<Record<string, unknown>> };

/** The sampler with its prompts and model, as far as a graph of ComfyUI is one of the usual kind. */
function settingsOf(graph: unknown): Omit<Generation, 'generator' | 'comfy' | 'rest'> {
  if (!isRecord(graph)) return {};
  const nodes = new Map(Object.entries(graph).filter((entry): entry is [string, Node] => isRecord(entry[1])));
  const inputsOf = (id: string) => {
    const inputs = nodes.get(id)?.inputs;
    return isRecord(inputs) ? inputs : {};
  };
  const samplerId = [...nodes.keys()].find((id) => {
    const inputs = inputsOf(id);
    return 'steps' in inputs && ('seed' in inputs || 'noise_seed' in inputs);
  });
  if (samplerId === undefined) return {};
  const sampler = inputsOf(samplerId);
  /** Along a link to the first node that holds such a text. */
  const follow = (link: unknown, keys: readonly string[]): string | undefined => {
    const seen = new Set<string>();
    const open = [link];
    for (let next = open.shift(); next !== undefined && seen.size < 1000; next = open.shift()) {
      if (!Array.isArray(next) || typeof next[0] !== 'string' || seen.has(next[0])) continue;
      seen.add(next[0]);
      const inputs = inputsOf(next[0]);
      const text = keys.map((key) => inputs[key]).find((value) => typeof value === 'string' && value !== '');
      if (typeof text === 'string') return text;
      open.push(...Object.values(inputs));
    }
    return undefined;
  };
  const linked = (key: string, keys: readonly string[]) => follow(sampler[key], keys);
  const prompt = linked('positive', ['text', 'text_g', 'string', 'prompt']);
  const negativePrompt = linked('negative', ['text', 'text_g', 'string', 'prompt']);
  const model = linked('model', ['ckpt_name', 'unet_name', 'model_name']);
  const seed = sampler.seed ?? sampler.noise_seed;
  const name = sampler.sampler_name;
  const seedText = typeof seed === 'number' || typeof seed === 'string' ? String(seed) : undefined;
  return {
    ...(prompt === undefined ? {} : { prompt }),
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(seedText === undefined ? {} : { seed: seedText }),
    ...(typeof sampler.steps === 'number' ? { steps: sampler.steps } : {}),
    ...(typeof name === 'string' ? { sampler: name } : {}),
    ...(typeof sampler.cfg === 'number' ? { cfgScale: sampler.cfg } : {}),
    ...(model === undefined ? {} : { model }),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const mostDepth = 100;

/** Undefined for what is no JSON of a node graph, or nests deeper than any that somebody has drawn. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    // A large seed stays what it is: a double would round it.
    const exact = text.replace(/("(?:noise_)?seed"\s*:\s*)(\d{16,25})(?=\s*[,}])/g, '$1"$2"');
    const value = readJson(exact);
    return typeof value === 'object' && value !== null ? cleanJson(value, 0) : undefined;
  } catch {
    return undefined;
  }
}

/** Python writes NaN, which is no JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(/([:[,]\s*)NaN(?=\s*[,\]}])/g, '$1null'));
  }
}

function cleanJson(value: unknown, depth: number): unknown {
  if (depth > mostDepth) throw new RangeError('nests too deep');
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map((one) => cleanJson(one, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [cleanText(key), cleanJson(one, depth + 1)]));
}

function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '').replaceAll('\r\n', '\n');
}
