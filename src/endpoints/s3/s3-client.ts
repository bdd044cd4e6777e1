// The SDK's client for one bucket, made of the settings and of what the usual AWS variables and files say.

import { readFileSync } from 'node:fs';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { S3Settings } from '../../model/s3-config.ts';

export type Sdk = typeof import('@aws-sdk/client-s3');
type Environment = Readonly<Record<string, string | undefined>>;

const connectionTimeoutMs = 10_000;
/** Without a byte either way. */
const silenceMs = 60_000;

const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {
  // Nobody is told.
}

/** The SDK is large: it is loaded when the first bucket is opened. */
export const loadSdk = (): Promise<Sdk> => import('@aws-sdk/client-s3');

/** Only the retry module tries again, so the client does not. */
export function createClient(sdk: Sdk, settings: S3Settings, env: Environment = process.env): S3Client {
  return new sdk.S3Client(clientConfig(settings, env));
}

export function clientConfig(settings: S3Settings, env: Environment): S3ClientConfig {
  const endpoint = settings.endpoint ?? (env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined);
  const region =
    settings.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || (endpoint === undefined ? undefined : 'us-east-1'));
  const { profile, credentialsFile } = settings;
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: settings.forcePathStyle ?? endpoint !== undefined,
    ...(profile === undefined ? {} : { profile }),
    ...(credentialsFile === undefined
      ? {}
      : { credentials: async () => readCredentials(credentialsFile, profile ?? env.AWS_PROFILE ?? 'default') }),
    maxAttempts: 1,
    // What goes wrong is told as a fault; the client would write to standard error beside it.
    logger: silent,
    // Checksums of ours go with every part; those that the SDK adds as trailers few servers but Amazon's understand.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectionTimeoutMs, socketTimeout: silenceMs },
  };
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** One section of a file like ~/.aws/credentials. Rejects with `permission` where it has none, or no keys in it. */
function readCredentials(file: string, section: string): Credentials {
  const refuse = (why: string): never => {
    throw new Fault('permission', `The credentials file ${displayPath(file)} ${why}.`, {
      place: { path: displayPath(file) },
    });
  };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    refuse('cannot be read');
  }
  const values = new Map<string, string>();
  let current = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line);
    if (header !== null) current = header[1] ?? '';
    const pair = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (pair !== null && current === section) values.set(pair[1] ?? '', pair[2] ?? '');
  }
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  const sessionToken = values.get('aws_session_token');
  if (!accessKeyId || !secretAccessKey) {
    return refuse(`has no aws_access_key_id and aws_secret_access_key in [${displayPath(section)}]`);
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
