// A GoPro as the Open GoPro HTTP specification 2.0 describes it; its lists are that document's examples. Shares nothing with the adapter.

import { type CameraServer, cameraServer, sendFile, sendJson } from './camera-server.ts';
import { content } from './trees.ts';

/*
 * https://gopro.github.io/OpenGoPro/http_2_0, "Downloading Media" (the list with GH010397.MP4 and GOPR0001.JPG), "Grouped Media Items"
 * (the time lapse G0010008 … G0010396 without 75 and 139), "Chapters" (how LRV and THM are named). Sizes of the time lapse are a tenth.
 */
export const publishedList = {
  id: '3586667939918700960',
  media: [
    {
      d: '100GOPRO',
      fs: [
        { n: 'GH010397.MP4', cre: '1613672729', mod: '1613672729', glrv: '1895626', ls: '-1', s: '19917136' },
        { cre: '1614340213', mod: '1614340213', n: 'GOPR0001.JPG', s: '6961371' },
      ],
    },
  ],
};
export const publishedGroup = {
  b: '8',
  cre: '1613669353',
  g: '1',
  l: '396',
  m: ['75', '139'],
  mod: '1613669353',
  n: 'G0010008.JPG',
  s: '773977407',
  t: 't',
};

export interface GoproServer {
  readonly http: CameraServer;
  serial: string;
  /** What lies on its card, by the path below DCIM. */
  readonly card: Map<string, Uint8Array>;
  list: { id: string; media: { d: string; fs: Record<string, unknown>[] }[] };
}

const thumbnailBytes = 17_663;

export async function goproServer(): Promise<GoproServer> {
  const card = new Map<string, Uint8Array>([
    ['100GOPRO/GH010397.MP4', content(1, 19_917_136)],
    ['100GOPRO/GL010397.LRV', content(2, 1_895_626)],
    ['100GOPRO/GH010397.THM', content(3, thumbnailBytes)],
    ['100GOPRO/GOPR0001.JPG', content(4, 6_961_371)],
  ]);
  const state: Omit<GoproServer, 'http'> = {
    card,
    serial: 'C3461324500001',
    list: structuredClone(publishedList),
  };
  const http = await cameraServer((camera) => (request, response) => {
    const url = new URL(request.url ?? '/', 'http://camera');
    if (url.pathname === '/gopro/camera/info') {
      // "Get Hardware Info": model_number, model_name, firmware_version, serial_number, ap_mac_addr, ap_ssid.
      sendJson(response, {
        model_number: '62',
        model_name: 'HERO12 Black',
        firmware_version: 'H23.01.01.10.00',
        serial_number: state.serial,
        ap_mac_addr: '2674f7f65f38',
        ap_ssid: `GP${state.serial.slice(-8)}`,
      });
    } else if (url.pathname === '/gopro/camera/state') {
      // "Camera State Format"; 1: battery present, 2: bars, 8: busy, 10: encoding, 70: percent.
      sendJson(response, { status: { '1': 1, '2': 3, '8': 0, '10': 0, '70': 87 }, settings: { '2': 9 } });
    } else if (url.pathname === '/gopro/camera/keep_alive' || url.pathname === '/gopro/camera/control/wired_usb') {
      sendJson(response, {});
    } else if (url.pathname === '/gopro/media/list') sendJson(response, state.list);
    else if (url.pathname === '/gopro/media/delete/file') {
      const path = url.searchParams.get('path') ?? '';
      if (!card.delete(path)) return sendJson(response, { error: 1 }, 404);
      const [folder = '', name = ''] = path.split('/');
      for (const each of state.list.media) {
        if (each.d === folder) each.fs = each.fs.filter(({ n }) => n !== name);
      }
      sendJson(response, {});
    } else {
      const path = decodeURIComponent(url.pathname).replace(/^\/videos\/DCIM\//, '');
      const bytes = card.get(path);
      if (bytes === undefined) response.writeHead(404).end();
      else sendFile(camera, request, response, bytes);
    }
  });
  return Object.assign(state, { http });
}
