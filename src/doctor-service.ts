// The part of `wherry doctor` that looks at the daemon: its address and certificate, and the daemon itself where one runs.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fetchByCard, readDaemonCard, type Settings } from './config.ts';
import type { DaemonCard } from './daemon-file.ts';
import type { Finding } from './doctor.ts';
import { displayPath } from './model/names.ts';

const answerMs = 5_000;
const dayMs = 24 * 3_600_000;
const soonMs = 14 * dayMs;

export async function* examineService(settings: Settings, version: string): AsyncIterable<Finding> {
  if (settings.tls !== null && settings.tls !== 'self-made') yield judgeCertificate(settings.tls, Date.now());
  const card = cardOf(settings.dataFolder);
  if (card === 'unreadable') {
    yield {
      check: 'daemon',
      state: 'warning',
      text: `The daemon's card in ${displayPath(settings.dataFolder)} may not be read by this user.`,
      remedy: "Ask as the daemon's user, or give a token by WHERRY_TOKEN.",
    };
  } else if (card !== undefined) yield await judgeDaemon(card, version);
  const own = card !== undefined && card !== 'unreadable' ? new URL(card.url).port : undefined;
  if (own === undefined || Number(own) !== settings.listen.port) yield await judgeAddress(settings);
}

function cardOf(dataFolder: string): DaemonCard | 'unreadable' | undefined {
  try {
    return readDaemonCard(dataFolder);
  } catch {
    return 'unreadable';
  }
}

async function judgeDaemon(card: DaemonCard, version: string): Promise<Finding> {
  const { url, pid, version: theirs } = card;
  const who = `The daemon (process ${pid}) at ${url}`;
  try {
    const answer = await fetchByCard(card)(`${url}/readyz`, { signal: AbortSignal.timeout(answerMs) });
    if (!answer.ok) {
      const { detail } = (await answer.json().catch(() => ({}))) as { detail?: string };
      const text = `${who} is not ready: ${detail ?? `it answers ${answer.status}`}`;
      return { check: 'daemon', state: 'problem', text, remedy: 'Wait a little; then look into its log.' };
    }
  } catch (error) {
    const why = error instanceof Error && error.name === 'TimeoutError' ? 'in time' : `(${causeOf(error)})`;
    const remedy = 'Look into its log; `kill` its process if it hangs, and start it again.';
    return { check: 'daemon', state: 'problem', text: `${who} does not answer ${why}.`, remedy };
  }
  if (theirs === version) return { check: 'daemon', state: 'ok', text: `${who} is ready.` };
  return {
    check: 'daemon',
    state: 'warning',
    text: `${who} is version ${theirs}, this command is ${version}.`,
    remedy: 'Restart the daemon, so that both are the same.',
  };
}

async function judgeAddress({ listen, tls, insecureHttp }: Settings): Promise<Finding> {
  const { host, port } = listen;
  const shown = `${host}:${port}`;
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (!isLoopback && tls === null && !insecureHttp) {
    return {
      check: 'listen',
      state: 'problem',
      text: `The daemon will not listen at ${shown} without TLS.`,
      remedy: 'Set up `tls:`, listen on 127.0.0.1, or allow it with `insecureHttp: true`.',
    };
  }
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return { check: 'listen', state: 'ok', text: `The address ${shown} is free.` };
  } catch (error) {
    const code = causeOf(error);
    if (code === 'EADDRINUSE') {
      const text = `Something else listens at ${shown}.`;
      return { check: 'listen', state: 'problem', text, remedy: 'Stop it, or choose another address with `listen:`.' };
    }
    const remedy =
      code === 'EACCES'
        ? 'Choose a port from 1024 on, or give Wherry the right (CAP_NET_BIND_SERVICE).'
        : 'Correct `listen:` to an address of this machine.';
    return { check: 'listen', state: 'problem', text: `The daemon cannot listen at ${shown} (${code}).`, remedy };
  } finally {
    server.close();
  }
}

/** Of the first certificate in the file, which is the one that is shown to clients. */
export function judgeCertificate(
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
  now: number,
): Finding {
  const shown = displayPath(certificateFile);
  const remedy = 'Give the PEM files of a certificate and its own key under `tls:`.';
  const problem = (text: string): Finding => ({ check: 'tls', state: 'problem', text, remedy });
  let certificate: X509Certificate;
  let key: Buffer;
  try {
    certificate = new X509Certificate(readFileSync(certificateFile));
  } catch (error) {
    return problem(`The certificate ${shown} cannot be read (${causeOf(error)}).`);
  }
  try {
    key = readFileSync(keyFile);
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      return problem(`${displayPath(keyFile)} is not the key of ${shown}.`);
  } catch (error) {
    return problem(`The key ${displayPath(keyFile)} cannot be read (${causeOf(error)}).`);
  }
  const endsAt = Date.parse(certificate.validTo);
  if (endsAt < now) return problem(`The certificate ${shown} ended on ${certificate.validTo}.`);
  if (Date.parse(certificate.validFrom) > now)
    return problem(`The certificate ${shown} begins on ${certificate.validFrom}.`);
  if (endsAt - now < soonMs) {
    const days = Math.ceil((endsAt - now) / dayMs);
    return {
      check: 'tls',
      state: 'warning',
      text: `The certificate ${shown} ends in ${days} days.`,
      remedy: 'Renew it.',
    };
  }
  return { check: 'tls', state: 'ok', text: `The certificate ${shown} is good until ${certificate.validTo}.` };
}

/** The system's own word, also where `fetch` wraps it. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? error.message : causeOf(error.cause);
}
