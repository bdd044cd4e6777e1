// A 360° camera as the Open Spherical Camera API (level 2) and Ricoh's Theta Web API v2.1 describe it; its answers are their examples. Shares nothing with the adapter.

import { type CameraServer, cameraServer, sendFile, sendJson } from './camera-server.ts';
import { content } from './trees.ts';

/*
 * https://github.com/ricohapi/theta-api-specs, theta-web-api-v2.1: protocols/info.md, protocols/state.md and commands/camera.list_files.md
 * (the example of three entries), commands/camera.delete.md; commands and errors as in
 * https://developers.google.com/streetview/open-spherical-camera/reference.
 */
export const publishedInfo = {
  manufacturer: 'RICOH',
  model: 'RICOH THETA S',
  serialNumber: '00001234',
  firmwareVersion: '1.62',
  supportUrl: 'https://theta360.com/en/support/',
  apiLevel: [1, 2],
  endpoints: { httpPort: 80, httpUpdatesPort: 80 },
  gps: false,
  gyro: false,
  uptime: 67,
  api: ['/osc/info', '/osc/state', '/osc/checkForUpdates', '/osc/commands/execute', '/osc/commands/status'],
};
export const publishedState = {
  fingerprint: '12EGA33',
  state: {
    batteryLevel: 0.33,
    storageUri: 'http://192.168.1.1/files/abcde/',
    _captureStatus: 'idle',
    _recordedTime: 0,
    _recordableTime: 0,
    _compositeShootingElapsedTime: 0,
    _latestFileUrl: 'http://192.168.1.1/files/abcde/100RICOH/R0010015.JPG',
    _batteryState: 'disconnect',
    _apiVersion: 2,
  },
};
export const publishedEntries = [
  {
    name: 'R0011607.JPG',
    fileUrl: 'http://192.168.1.1/files/abcde/100RICOH/R0011607.JPG',
    size: 4_051_440,
    dateTimeZone: '2016:06:29 17:06:58+09:00',
    width: 5376,
    height: 2688,
    isProcessed: true,
    previewUrl: '',
  },
  {
    name: 'R0011606.JPG',
    fileUrl: 'http://192.168.1.1/files/abcde/100RICOH/R0011606.JPG',
    size: 4_065_630,
    dateTimeZone: '2016:06:29 16:58:47+09:00',
    width: 5376,
    height: 2688,
    isProcessed: true,
    previewUrl: '',
  },
  {
    name: 'R0011605.JPG',
    fileUrl: 'http://192.168.1.1/files/abcde/100RICOH/R0011605.JPG',
    size: 4_057_882,
    dateTimeZone: '2016:06:29 16:55:26+09:00',
    width: 5376,
    height: 2688,
    isProcessed: true,
    previewUrl: '',
  },
];

export interface OscServer {
  readonly http: CameraServer;
  serial: string;
  levels: number[];
  /** 1 until `clientVersion` is set, as a Theta S is after each start. */
  apiVersion: number;
  entries: { name: string; fileUrl: string; size: number; isProcessed: boolean; [more: string]: unknown }[];
  /** By the path in `fileUrl`. */
  readonly card: Map<string, Uint8Array>;
  /** Entries that one answer holds at most. */
  mostEntries: number;
  /** What `maxThumbSize` has to be, where the camera is strict. */
  thumbSize: null | 0 | 'any';
  /** Commands answer `inProgress` once before they are done. */
  isSlow: boolean;
}

export async function oscServer(): Promise<OscServer> {
  const card = new Map(publishedEntries.map(({ fileUrl, size }, at) => [new URL(fileUrl).pathname, content(at, size)]));
  const state: Omit<OscServer, 'http'> = {
    serial: publishedInfo.serialNumber,
    levels: [1, 2],
    apiVersion: 2,
    entries: structuredClone(publishedEntries),
    card: card as Map<string, Uint8Array>,
    mostEntries: 2,
    thumbSize: 'any',
    isSlow: false,
  };
  const waiting = new Map<string, object>();
  const http = await cameraServer((camera) => (request, response, body) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://camera').pathname);
    if (path === '/osc/info')
      return sendJson(response, { ...publishedInfo, serialNumber: state.serial, apiLevel: state.levels });
    if (path === '/osc/state' && request.method === 'POST') {
      const told = { ...publishedState.state, _apiVersion: state.apiVersion };
      return sendJson(response, { ...publishedState, state: told });
    }
    if (path === '/osc/commands/execute' && request.method === 'POST') {
      const { name, parameters = {} } = JSON.parse(body) as { name: string; parameters?: Record<string, unknown> };
      const answer = carryOut(state, name, parameters);
      if (!state.isSlow || 'error' in answer)
        return sendJson(response, { name, ...answer }, 'error' in answer ? 400 : 200);
      const id = String(waiting.size + 1);
      waiting.set(id, { name, ...answer });
      return sendJson(response, { name, state: 'inProgress', id, progress: { completion: 0.5 } });
    }
    if (path === '/osc/commands/status' && request.method === 'POST') {
      const { id } = JSON.parse(body) as { id: string };
      return sendJson(response, waiting.get(id) ?? refused('invalidParameterValue', 'There is no such command.'));
    }
    const bytes = state.card.get(path);
    if (bytes === undefined) return void response.writeHead(404).end();
    return sendFile(camera, request, response, bytes);
  });
  return Object.assign(state, { http });
}

const refused = (code: string, message: string) => ({ state: 'error', error: { code, message } });
const done = (results: object = {}) => ({ state: 'done', results });

function carryOut(camera: Omit<OscServer, 'http'>, name: string, parameters: Record<string, unknown>): object {
  if (name === 'camera.startSession') return done({ sessionId: 'SID_0001', timeout: 180 });
  if (name === 'camera.setOptions') {
    if (parameters.sessionId !== 'SID_0001') return refused('missingParameter', 'sessionId is missing.');
    camera.apiVersion = (parameters.options as { clientVersion?: number }).clientVersion ?? camera.apiVersion;
    return done();
  }
  if (camera.apiVersion === 1) return refused('unknownCommand', 'The command is not known.');
  if (name === 'camera.listFiles') {
    const { startPosition = 0, entryCount, maxThumbSize } = parameters as Record<string, number | null>;
    if (typeof entryCount !== 'number') return refused('missingParameter', 'entryCount is missing.');
    if (maxThumbSize === undefined) return refused('missingParameter', 'maxThumbSize is missing.');
    if (camera.thumbSize !== 'any' && maxThumbSize !== camera.thumbSize) {
      return refused('invalidParameterValue', 'maxThumbSize is none that this camera knows.');
    }
    const from = Number(startPosition);
    const entries = camera.entries.slice(from, from + Math.min(entryCount, camera.mostEntries));
    return done({ entries, totalEntries: camera.entries.length });
  }
  if (name === 'camera.delete') {
    const urls = parameters.fileUrls as string[];
    // "If fileUrls contains a URL that does not exist, an error occurs, and none of the files is deleted."
    if (!urls.every((url) => camera.entries.some(({ fileUrl }) => fileUrl === url))) {
      return refused('invalidParameterValue', 'A file is not there.');
    }
    for (const url of urls) camera.card.delete(new URL(url).pathname);
    camera.entries = camera.entries.filter(({ fileUrl }) => !urls.includes(fileUrl));
    return done();
  }
  return refused('unknownCommand', 'The command is not known.');
}
