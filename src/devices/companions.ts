// Which files of a card belong together: the other lens, a low-resolution twin, a thumbnail, a sidecar.

import { baseName, parentPath } from '../model/names.ts';
import type { RemoteFile } from './device.ts';

/** Extensions of what only accompanies a recording. */
const sidecars = new Set(['thm', 'lrv', 'lrf', 'xmp', 'wav', 'srt', 'xml', 'gpr', 'aae', 'idx', 'sav', 'glv', 'fit']);

const mediaTypes: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  heic: 'image/heic',
  heif: 'image/heif',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  dng: 'image/x-adobe-dng',
  gpr: 'image/x-gopro-gpr',
  cr2: 'image/x-canon-cr2',
  cr3: 'image/x-canon-cr3',
  nef: 'image/x-nikon-nef',
  arw: 'image/x-sony-arw',
  raf: 'image/x-fuji-raf',
  orf: 'image/x-olympus-orf',
  rw2: 'image/x-panasonic-rw2',
  insp: 'image/x-insta360-insp',
  thm: 'image/jpeg',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  lrv: 'video/mp4',
  lrf: 'video/mp4',
  mov: 'video/quicktime',
  avi: 'video/x-msvideo',
  mts: 'video/mp2t',
  m2ts: 'video/mp2t',
  mxf: 'application/mxf',
  insv: 'video/x-insta360-insv',
  360: 'video/x-gopro-360',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  xmp: 'application/rdf+xml',
  xml: 'application/xml',
  srt: 'application/x-subrip',
};

/** By the name's extension; undefined for one that is not known. */
export function mediaTypeOf(path: string): string | undefined {
  return mediaTypes[extensionOf(path)];
}

/** Each file with the others of its recording: those in its folder whose names differ as the cameras make them differ. */
export function withCompanions(files: readonly RemoteFile[]): RemoteFile[] {
  const groups = Map.groupBy(files, ({ path }) => `${parentPath(path)}/${stemOf(baseName(path))}`);
  return files.map((file) => {
    const group = groups.get(`${parentPath(file.path)}/${stemOf(baseName(file.path))}`) ?? [];
    const own = sidecars.has(extensionOf(file.path));
    // A sidecar is a companion, and has none; two recordings of one name (RAW and JPEG) are each other's.
    const companions = own ? [] : group.filter((other) => other !== file).map(({ path }) => path);
    return companions.length === 0 ? file : { ...file, companions };
  });
}

function extensionOf(path: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase();
}

/** What all files of one recording share. */
function stemOf(name: string): string {
  const dot = name.indexOf('.');
  const stem = (dot <= 0 ? name : name.slice(0, dot)).toLowerCase();
  return (
    stem
      // GoPro: GX010001.MP4, GL010001.LRV, GX010001.THM.
      .replace(/^g[hlmx](\d{6})$/, 'g_$1')
      // Insta360: VID_…_00_001.insv, VID_…_10_001.insv, LRV_…_01_001.lrv.
      .replace(/^(?:vid|lrv|img)_(\d{8}_\d{6})_\d\d_(\d{3})$/, 'insta_$1_$2')
      // Sony: C0001.MP4, C0001M01.XML.
      .replace(/^([a-z]\d{4})m\d\d$/, '$1')
  );
}
