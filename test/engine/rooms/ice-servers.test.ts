// STUN and TURN servers as members get them: passwords of their own where the server shares a secret, read from files that the configuration names.

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { roomsSettings } from '../../../src/config-rooms.ts';
import { iceServersFor } from '../../../src/engine/rooms/ice-servers.ts';
import { roomsConfigSchema } from '../../../src/model/room-config.ts';
import { typesAgree } from '../../../src/model/room-types.ts';

const configured = roomsConfigSchema.parse({
  iceServers: [
    { urls: ['stun:turn.example:3478'] },
    { urls: ['turn:turn.example:3478?transport=udp'], username: 'desk', credentialFile: 'password' },
    { urls: ['turn:turn.example:3478'], secretFile: 'shared' },
  ],
});

test('secrets are read from their files, and a member gets a password that ends', () => {
  const asked: string[] = [];
  const settings = roomsSettings(configured, {
    folder: (text) => `/etc/wherry/${text}`,
    firstLine: (file, what) => {
      asked.push(`${what}: ${file}`);
      return `line of ${file}`;
    },
  });
  expect(asked).toEqual([
    'The credential file of an ICE server: /etc/wherry/password',
    'The secret file of an ICE server: /etc/wherry/shared',
  ]);
  const [stun, fixed, shared] = iceServersFor(settings.iceServers, 'member-1', 1_000_000_000_000);
  expect(stun).toEqual({ urls: ['stun:turn.example:3478'] });
  expect(fixed).toMatchObject({ username: 'desk', credential: 'line of /etc/wherry/password' });
  const username = `${1_000_000_000 + 86_400}:member-1`;
  const credential = createHmac('sha1', 'line of /etc/wherry/shared').update(username).digest('base64');
  expect(shared).toEqual({ urls: ['turn:turn.example:3478'], username, credential });
});

test('a server has one kind of password, and addresses are those of STUN and TURN', () => {
  const wrong = (server: object) => roomsConfigSchema.safeParse({ iceServers: [server] }).success;
  expect(wrong({ urls: ['https://turn.example'] })).toBe(false);
  expect(wrong({ urls: ['turn:x'], credentialFile: 'a', secretFile: 'b' })).toBe(false);
  expect(wrong({ urls: [] })).toBe(false);
  expect(wrong({ urls: ['turns:x:5349'] })).toBe(true);
});

test('what content turns out to be agrees with what was declared, under another name of the same, or not', () => {
  expect(typesAgree('image/jpeg', 'image/jpeg')).toBe(true);
  expect(typesAgree('video/quicktime', 'video/mp4')).toBe(true);
  expect(typesAgree('application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'application/zip')).toBe(
    true,
  );
  expect(typesAgree('application/octet-stream', 'application/pdf')).toBe(true);
  expect(typesAgree('text/plain', undefined)).toBe(true);
  expect(typesAgree('image/png', undefined)).toBe(false);
  expect(typesAgree('image/png', 'application/x-msdownload')).toBe(false);
  expect(typesAgree('image/png', 'application/zip')).toBe(false);
});
