// The documents of an ASC MHL history (version 2.0): hash lists and the chain file, written and read. Pure.

import { SaxesParser } from 'saxes';
import type { DigestName } from '../../endpoints/digest.ts';
import { Fault } from '../../model/fault.ts';
import { mhlFormats } from '../../model/hash.ts';
import { displayPath } from '../../model/names.ts';

/** `sha256` came later, and is read. */
const readFormats: ReadonlySet<string> = new Set([...mhlFormats, 'sha256']);

/** What a hash says of the earlier ones: there was none, it is the same, it is another. */
export type HashAction = 'original' | 'verified' | 'failed';

export interface HashEntry {
  readonly format: DigestName;
  readonly value: string;
  /** Null where the document says none. */
  readonly action: string | null;
  /** ISO 8601. */
  readonly date: string | null;
}

export interface FileHash {
  readonly kind: 'file';
  /** Below the folder of the history. */
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly modified: string | null;
  readonly entries: readonly HashEntry[];
  readonly previousPath: string | null;
}

export interface FolderHash {
  readonly kind: 'folder';
  readonly path: string;
  readonly modified: string | null;
  /** Of what its files hold, whatever their names. */
  readonly content: readonly HashEntry[];
  /** Of names and contents. */
  readonly structure: readonly HashEntry[];
}

export interface HashList {
  readonly created: string;
  readonly host: string;
  readonly tool: { readonly name: string; readonly version: string };
  readonly process: 'in-place' | 'transfer' | 'flatten';
  readonly root: Pick<FolderHash, 'content' | 'structure'> | null;
  readonly ignore: readonly string[];
  readonly hashes: readonly (FileHash | FolderHash)[];
}

export interface ChainLink {
  readonly number: number;
  /** A name in the folder `ascmhl`. */
  readonly file: string;
  readonly c4: string;
}

export function writeHashList(list: HashList): string {
  const ignore = list.ignore.map((pattern) => `      <pattern>${text(pattern)}</pattern>\n`).join('');
  const root = list.root === null ? '' : `    <roothash>\n${folderHashes(list.root, '      ')}    </roothash>\n`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0">\n  <creatorinfo>\n',
    `    <creationdate>${text(list.created)}</creationdate>\n    <hostname>${text(list.host)}</hostname>\n`,
    `    <tool version="${attribute(list.tool.version)}">${text(list.tool.name)}</tool>\n  </creatorinfo>\n  <processinfo>\n`,
    `    <process>${list.process}</process>\n${root}`,
    `${ignore === '' ? '' : `    <ignore>\n${ignore}    </ignore>\n`}  </processinfo>\n`,
    list.hashes.length === 0 ? '' : `  <hashes>\n${list.hashes.map(writeOne).join('')}  </hashes>\n`,
    '</hashlist>\n',
  ].join('');
}

function writeOne(hash: FileHash | FolderHash): string {
  const modified = hash.modified === null ? '' : ` lastmodificationdate="${attribute(hash.modified)}"`;
  if (hash.kind === 'folder') {
    const path = `      <path${modified}>${text(hash.path)}</path>\n`;
    return `    <directoryhash>\n${path}${folderHashes(hash, '      ')}    </directoryhash>\n`;
  }
  const size = hash.sizeBytes === null ? '' : ` size="${hash.sizeBytes}"`;
  const path = `      <path${size}${modified}>${text(hash.path)}</path>\n`;
  const previous = hash.previousPath === null ? '' : `      <previousPath>${text(hash.previousPath)}</previousPath>\n`;
  return `    <hash>\n${path}${hashEntries(hash.entries, '      ')}${previous}    </hash>\n`;
}

function folderHashes({ content, structure }: Pick<FolderHash, 'content' | 'structure'>, indent: string): string {
  const part = (name: string, entries: readonly HashEntry[]) =>
    `${indent}<${name}>\n${hashEntries(entries, `${indent}  `)}${indent}</${name}>\n`;
  return part('content', content) + part('structure', structure);
}

function hashEntries(entries: readonly HashEntry[], indent: string): string {
  return entries
    .map(({ format, value, action, date }) => {
      const acted = action === null ? '' : ` action="${attribute(action)}"`;
      const dated = date === null ? '' : ` hashdate="${attribute(date)}"`;
      return `${indent}<${format}${acted}${dated}>${text(value)}</${format}>\n`;
    })
    .join('');
}

export function writeChain(links: readonly ChainLink[]): string {
  const lines = links.map(
    ({ number, file, c4 }) =>
      `  <hashlist sequencenr="${number}">\n    <path>${text(file)}</path>\n    <c4>${text(c4)}</c4>\n  </hashlist>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ascmhldirectory xmlns="urn:ASC:MHL:DIRECTORY:v2.0">\n${lines.join('')}</ascmhldirectory>\n`;
}

/** Names that XML 1.0 cannot hold: bytes that are not UTF-8, and control characters. */
export function canBeNamed(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML refuses
  return path.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(path);
}

/** A reader turns a line's end into one of its own kind; written as a number it stays what it is. */
function text(value: string): string {
  return value.replace(/[&<>\r]/g, (sign) => references[sign] ?? sign);
}

function attribute(value: string): string {
  return value.replace(/[&<>"\t\n\r]/g, (sign) => references[sign] ?? sign);
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Rejects with `corrupt`: no XML, or no hash list. Other elements are passed over. */
export function readHashList(xml: string, name: string): HashList {
  const list = { created: '', host: '', tool: { name: '', version: '' }, process: 'in-place' as HashList['process'] };
  const ignore: string[] = [];
  const hashes: (FileHash | FolderHash)[] = [];
  let root: HashList['root'] = null;
  let one = emptyOne();
  walkXml(xml, name, 'hashlist', (path, value, attributes) => {
    const at = path.join('/');
    const [section, kind, part, last] = path;
    if (section === 'creatorinfo') {
      if (kind === 'creationdate') list.created = value;
      if (kind === 'hostname') list.host = value;
      if (kind === 'tool') list.tool = { name: value, version: attributes.version ?? '' };
    } else if (at === 'processinfo/process') {
      if (value === 'transfer' || value === 'flatten') list.process = value;
    } else if (at === 'processinfo/ignore/pattern') ignore.push(value);
    else if (at === 'processinfo/roothash') {
      root = { content: one.content, structure: one.structure };
      one = emptyOne();
    } else if (section === 'hashes' || kind === 'roothash') {
      if (path.length === 3 && part === 'path') {
        one.path = value;
        one.modified = attributes.lastmodificationdate ?? null;
        one.sizeBytes = attributes.size === undefined ? null : Number(attributes.size);
      } else if (path.length === 3 && part === 'previousPath') one.previousPath = value;
      else if (path.length === 3 && part !== undefined && readFormats.has(part))
        one.entries.push(entryOf(part, value, attributes));
      else if (path.length === 4 && last !== undefined && readFormats.has(last)) {
        if (part === 'content') one.content.push(entryOf(last, value, attributes));
        if (part === 'structure') one.structure.push(entryOf(last, value, attributes));
      } else if (at === 'hashes/hash') {
        const { path: file, sizeBytes, modified, entries, previousPath } = one;
        hashes.push({ kind: 'file', path: file, sizeBytes, modified, entries, previousPath });
        one = emptyOne();
      } else if (at === 'hashes/directoryhash') {
        const { path: folder, modified, content, structure } = one;
        hashes.push({ kind: 'folder', path: folder, modified, content, structure });
        one = emptyOne();
      }
    }
  });
  return { ...list, ignore, hashes, root };
}

/** Rejects with `corrupt`. In order of their numbers. */
export function readChain(xml: string, name: string): ChainLink[] {
  const links: ChainLink[] = [];
  let file = '';
  let c4 = '';
  walkXml(xml, name, 'ascmhldirectory', (path, value, attributes) => {
    const at = path.join('/');
    if (at === 'hashlist/path') file = value;
    if (at === 'hashlist/c4') c4 = value;
    if (at !== 'hashlist') return;
    const number = Number(attributes.sequencenr);
    if (!Number.isInteger(number) || number < 1)
      throw damaged(name, `"${attributes.sequencenr}" is no sequence number`);
    // It is the name of a file beside the chain, whoever wrote it.
    if (!/^[^/\\]+$/.test(file) || file === '..')
      throw damaged(name, `${displayPath(file)} is no name of a generation`);
    links.push({ number, file, c4 });
  });
  return links.sort((one, other) => one.number - other.number);
}

function emptyOne() {
  return {
    path: '',
    sizeBytes: null as number | null,
    modified: null as string | null,
    previousPath: null as string | null,
    entries: [] as HashEntry[],
    content: [] as HashEntry[],
    structure: [] as HashEntry[],
  };
}

function entryOf(format: string, value: string, attributes: Readonly<Record<string, string>>): HashEntry {
  const plain = value.trim();
  return {
    format: format as DigestName,
    value: format === 'c4' ? plain : plain.toLowerCase(),
    action: attributes.action ?? null,
    date: attributes.hashdate ?? null,
  };
}

/** Calls back at each element's end, with the local names that lead to it below the document's own. */
function walkXml(
  xml: string,
  name: string,
  root: string,
  ended: (path: readonly string[], value: string, attributes: Readonly<Record<string, string>>) => void,
): void {
  const parser = new SaxesParser({ xmlns: true, fileName: name });
  const open: { name: string; value: string; attributes: Record<string, string> }[] = [];
  parser.on('error', (error) => {
    throw damaged(name, error.message);
  });
  // No document of a history has one, and nothing good comes of entities that others declare.
  parser.on('doctype', () => {
    throw damaged(name, 'it declares a document type');
  });
  parser.on('opentag', ({ local, attributes }) => {
    if (open.length === 0 && local !== root) throw damaged(name, `it is a ${displayPath(local)} and no ${root}`);
    const values = Object.values(attributes).map((each) => [each.local, each.value] as const);
    open.push({ name: local, value: '', attributes: Object.fromEntries(values) });
  });
  const add = (more: string) => {
    const last = open.at(-1);
    if (last !== undefined) last.value += more;
  };
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('closetag', () => {
    const path = open.slice(1).map((each) => each.name);
    const last = open.pop();
    if (last !== undefined && path.length > 0) ended(path, last.value, last.attributes);
  });
  parser.write(xml).close();
}

function damaged(name: string, why: string): Fault {
  return new Fault('corrupt', `${displayPath(name)} cannot be read: ${displayPath(why).replace(/\.$/, '')}.`, {
    place: { path: displayPath(name) },
  });
}
