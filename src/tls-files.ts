// The daemon's TLS certificate and key: read from the files that the configuration names, or made and kept in the data folder; renewed when they change.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './config.ts';
import type { EngineLog } from './engine/engine-parts.ts';
import type { Clock } from './model/clock.ts';
import { Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import { fingerprintOf, makeCertificate, type PemPair } from './self-made-certificate.ts';

const lookMs = 2_000;
/** A self-made certificate that ends sooner than this is made anew. */
const leastLeftMs = 30 * 24 * 3_600_000;

export interface TlsFiles extends PemPair {
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string;
  readonly isSelfMade: boolean;
  /**
   * Looks every two seconds whether the files hold something else, and gives it on; what is no pair is named in the log once and
   * leaves the old one in force. Returns how to stop.
   */
  watch(onChange: (pair: PemPair) => void, log: EngineLog): () => void;
}

/** Null where the API is to speak plain HTTP. Rejects with `config_invalid` for files that cannot be read or that are no pair. */
export function openTlsFiles(settings: Settings, clock: Clock): TlsFiles | null {
  const { tls } = settings;
  if (tls === null) return null;
  const isSelfMade = tls === 'self-made';
  const files = isSelfMade ? keepSelfMade(settings, clock) : tls;
  const first = readPair(files);
  return {
    ...first,
    isSelfMade,
    fingerprint: fingerprintOf(first.certificate),
    watch(onChange, log) {
      let seen: PemPair = first;
      let isLooking = false;
      const look = async () => {
        const [certificate, key] = await Promise.all([
          readFile(files.certificateFile, 'utf8'),
          readFile(files.keyFile, 'utf8'),
        ]);
        if (certificate === seen.certificate && key === seen.key) return;
        seen = { certificate, key };
        checkPair(seen, files.certificateFile);
        onChange(seen);
        log.info({ fingerprint: fingerprintOf(certificate) }, 'The TLS certificate was read again');
      };
      const timer = setInterval(() => {
        if (isLooking) return;
        isLooking = true;
        look()
          // A file that is away for a moment is being replaced.
          .catch((error: unknown) => {
            if (error instanceof Fault) log.warn({ err: error }, 'The new TLS certificate is not taken');
          })
          .finally(() => {
            isLooking = false;
          });
      }, lookMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

function readPair({ certificateFile, keyFile }: PairFiles): PemPair {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new Fault('config_invalid', `The file ${displayPath(file)} for TLS cannot be read.`, { cause: error });
    }
  };
  const pair = { certificate: read(certificateFile), key: read(keyFile) };
  checkPair(pair, certificateFile);
  return pair;
}

/** Rejects with `config_invalid`. */
function checkPair({ certificate, key }: PemPair, file: string): void {
  let belongs: boolean;
  try {
    belongs = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new Fault('config_invalid', `${displayPath(file)} and its key are no certificate and key in PEM form.`, {
      cause: error,
    });
  }
  if (!belongs) throw new Fault('config_invalid', `The key does not belong to the certificate ${displayPath(file)}.`);
}

/** Makes a pair where there is none, where it ends soon, or where it does not name a host that it should. */
function keepSelfMade(settings: Settings, clock: Clock): PairFiles {
  const folder = join(settings.dataFolder, 'tls');
  const files = { certificateFile: join(folder, 'certificate.pem'), keyFile: join(folder, 'key.pem') };
  const hosts = hostsOf(settings);
  if (isStillGood(files, hosts, clock)) return files;
  // Addresses come and go; a certificate that people have compared and trusted is not given up for one.
  const pair = makeCertificate([...new Set([...hosts, ...addressesOf(settings)])], clock.now());
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeAside(files.keyFile, pair.key, 0o600);
  writeAside(files.certificateFile, pair.certificate, 0o644);
  return files;
}

function isStillGood(files: PairFiles, hosts: readonly string[], clock: Clock): boolean {
  try {
    const { certificate } = readPair(files);
    const known = new X509Certificate(certificate);
    const names = (host: string) => (isIP(host) === 0 ? known.checkHost(host) : known.checkIP(host)) !== undefined;
    return known.validToDate.getTime() > clock.now() + leastLeftMs && hosts.every(names);
  } catch {
    return false;
  }
}

/** Names by which the daemon may always be called. */
function hostsOf({ listen, allowedHosts }: Settings): string[] {
  const given = isEverywhere(listen.host) ? [] : [listen.host];
  return [...new Set([...allowedHosts, 'localhost', '127.0.0.1', '::1', ...given])];
}

/** This machine's present addresses, where the daemon listens at all of them. */
function addressesOf({ listen }: Settings): string[] {
  if (!isEverywhere(listen.host)) return [];
  return Object.values(networkInterfaces()).flatMap((one) => (one ?? []).map(({ address }) => address));
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function writeAside(file: string, text: string, mode: number): void {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, text, { mode });
  renameSync(aside, file);
}
