// Addresses of what moves in a room: `room://<job>@<host>/<room>/`, and below it `<transfer>/<name>`.

import { joinPath } from '../../model/names.ts';

/** The place that a membership is: all files that come and go in a room for one job. */
export function roomAddress(jobId: string, server: string, roomId: string): string {
  return `room://${jobId}@${new URL(server).host}/${roomId}/`;
}

/** The job whose membership an address is of; undefined for other places. */
export function jobOfRoomAddress(address: string): string | undefined {
  return /^room:\/\/([^/@]+)@/.exec(address)?.[1];
}

/** The room's own id of a transfer leads to its file. */
export function pathInRoom(transferId: string, name: string): string {
  return joinPath(transferId, name);
}

export function transferInRoom(path: string): string {
  const cut = path.indexOf('/');
  return cut < 0 ? path : path.slice(0, cut);
}
