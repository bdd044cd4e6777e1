// What the configuration says of rooms, its secrets read from the files that it names.

import type { RoomsSettings } from './engine/rooms/rooms.ts';
import type { RoomsConfig } from './model/room-config.ts';

/** Files are those of this machine, from the configuration's folder on; `firstLine` rejects with `config_invalid`. */
export function roomsSettings(
  { iceServers, ...rooms }: RoomsConfig,
  { folder, firstLine }: { folder: (text: string) => string; firstLine: (file: string, what: string) => string },
): RoomsSettings {
  const secret = (file: string | undefined, what: string) =>
    file === undefined ? undefined : firstLine(folder(file), what);
  return {
    ...rooms,
    iceServers: iceServers.map(({ urls, username, credentialFile, secretFile }) => ({
      ...{ urls, username },
      credential: secret(credentialFile, 'The credential file of an ICE server'),
      secret: secret(secretFile, 'The secret file of an ICE server'),
    })),
  };
}
