// Which files may go through a room: by the type that is declared, the ending of the name, and what the content turns out to be.

import { endingOf } from './file-kind.ts';
import type { RoomsConfig } from './room-config.ts';

export type TypeRules = RoomsConfig['types'];

/** Types by ending, for offers that declare none. */
const typesByEnding: Readonly<Record<string, string>> = {
  ...{ jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', gif: 'image/gif', webp: 'image/webp' },
  ...{ heic: 'image/heic', tif: 'image/tiff', tiff: 'image/tiff', bmp: 'image/bmp', svg: 'image/svg+xml' },
  ...{ mp4: 'video/mp4', m4v: 'video/mp4', mov: 'video/quicktime', mkv: 'video/x-matroska', webm: 'video/webm' },
  ...{ avi: 'video/x-msvideo', mts: 'video/mp2t', mxf: 'application/mxf', wav: 'audio/wav', mp3: 'audio/mpeg' },
  ...{ m4a: 'audio/mp4', aac: 'audio/aac', flac: 'audio/flac', ogg: 'audio/ogg', pdf: 'application/pdf' },
  ...{ zip: 'application/zip', gz: 'application/gzip', tar: 'application/x-tar', '7z': 'application/x-7z-compressed' },
  ...{ txt: 'text/plain', md: 'text/markdown', csv: 'text/csv', html: 'text/html', json: 'application/json' },
  ...{ xml: 'application/xml', yaml: 'application/yaml' },
};
const unknownType = 'application/octet-stream';

const programEndings = new Set(
  (
    'exe com scr pif bat cmd msi msp msix appx cpl dll sys ocx ps1 psm1 psd1 vbs vbe vb js jse wsf wsh hta lnk reg inf ' +
    'jar jnlp class sh bash zsh csh ksh run elf so dylib app command pkg dmg deb rpm apk ipa appimage snap flatpak ' +
    'gadget scf url desktop xll'
  ).split(' '),
);
const programTypes = new Set([
  'application/x-msdownload',
  'application/x-msdos-program',
  'application/x-dosexec',
  'application/vnd.microsoft.portable-executable',
  'application/x-executable',
  'application/x-pie-executable',
  'application/x-sharedlib',
  'application/x-elf',
  'application/x-mach-binary',
  'application/x-ms-installer',
  'application/x-msi',
  'application/x-bat',
  'application/x-sh',
  'application/x-csh',
  'application/x-shellscript',
  'application/x-powershell',
  'application/java-archive',
  'application/java-vm',
  'application/javascript',
  'text/javascript',
  'application/hta',
  'application/vnd.android.package-archive',
  'application/vnd.debian.binary-package',
  'application/x-debian-package',
  'application/x-rpm',
  'application/x-apple-diskimage',
  'application/x-ms-shortcut',
]);

/** The type that is declared, in small letters and without parameters; where none is, that of the ending. */
export function declaredType(filename: string, mimeType: string | null | undefined): string {
  const given = mimeType?.split(';')[0]?.trim().toLowerCase();
  return given || (typesByEnding[endingOf(filename)] ?? unknownType);
}

/** Why a file of this type or name is not taken, as the end of a sentence; undefined where it is. */
export function typeRefusal(rules: TypeRules, filename: string, mimeType: string): string | undefined {
  if (!rules.executables) {
    if (programTypes.has(mimeType)) return `${mimeType} is a program`;
    // Windows opens `a.pdf.exe ` and `a.exe.` as programs, too.
    const ending = endingOf(filename.replace(/[ .]+$/, ''));
    if (programEndings.has(ending)) return `.${ending} is a program's ending`;
  }
  if (rules.deny.some((pattern) => fits(pattern, mimeType))) return `${mimeType} is on the list of what is refused`;
  if (!rules.allow.some((pattern) => fits(pattern, mimeType))) return `${mimeType} is not on the list of what is taken`;
  return undefined;
}

/** Formats that are the same, or hold one another, under different names. */
const families: readonly (readonly string[])[] = [
  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/heic', 'image/heif', 'image/heic-sequence', 'image/avif'],
  [
    'image/tiff',
    'image/x-adobe-dng',
    'image/x-canon-cr2',
    'image/x-nikon-nef',
    'image/x-sony-arw',
    'image/x-panasonic-rw2',
  ],
  ['video/mp4', 'video/quicktime', 'video/x-m4v', 'audio/mp4', 'audio/x-m4a', 'video/3gpp', 'video/3gpp2'],
  ['video/x-matroska', 'video/matroska', 'video/webm', 'audio/webm'],
  ['video/x-msvideo', 'video/vnd.avi', 'video/avi'],
  ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ['audio/ogg', 'video/ogg', 'application/ogg', 'audio/opus'],
  ['audio/mpeg', 'audio/mp3'],
  ['application/zip', 'application/x-zip-compressed'],
  ['application/gzip', 'application/x-gzip', 'application/x-tgz'],
  ['application/xml', 'text/xml', 'image/svg+xml', 'text/html', 'application/xhtml+xml'],
];

/**
 * True where content that looks like `found` may come under the declared type. `found` is undefined for content without marks of its own: text, and
 * what nobody knows. A zip is inside many formats; what declares nothing may be anything.
 */
export function typesAgree(declared: string, found: string | undefined): boolean {
  if (declared === unknownType || found === declared) return true;
  if (found === undefined) return !/^(image|video|audio)\//.test(declared) || declared === 'image/svg+xml';
  if (families.some((family) => family.includes(declared) && family.includes(found))) return true;
  return found === 'application/zip' && /^application\/(vnd\.|epub|x-)/.test(declared);
}

function fits(pattern: string, type: string): boolean {
  const [wantedMain, wantedSub] = pattern.toLowerCase().split('/');
  const [main, sub] = type.split('/');
  return (wantedMain === '*' || wantedMain === main) && (wantedSub === '*' || wantedSub === sub);
}
