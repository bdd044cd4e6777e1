// What the SDK and the servers behind it report, as faults: by name, HTTP status and errno, never by text.

import { Fault, type FaultCode } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';

/** What is being done to what, for the message. */
export interface S3Act {
  readonly operation: string;
  /** Below the endpoint's root. */
  readonly path: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly signal?: AbortSignal | undefined;
}

const setCredentials =
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or credentialsFile below s3: in the configuration';

const byName: Readonly<Record<string, readonly [FaultCode, string]>> = {
  NoSuchKey: ['not_found', 'it is not there'],
  NotFound: ['not_found', 'it is not there'],
  NoSuchUpload: ['busy', 'somebody else has ended its upload; it begins again'],
  NoSuchBucket: ['not_found', 'there is no such bucket; make it first, Wherry makes none'],
  AccessDenied: ['permission', 'the credentials do not allow it'],
  InvalidAccessKeyId: ['permission', `the server does not know the access key. ${setCredentials}`],
  SignatureDoesNotMatch: ['permission', `the secret key is wrong. ${setCredentials}`],
  ExpiredToken: ['permission', 'the credentials have expired; renew them'],
  InvalidToken: ['permission', 'the session token is wrong; renew it'],
  RequestTimeTooSkewed: ['permission', "the clocks of this machine and the server differ too much; set this machine's"],
  CredentialsProviderError: ['permission', `no credentials were found. ${setCredentials}`],
  PermanentRedirect: ['invalid', 'the bucket is in another region; set region below s3:'],
  AuthorizationHeaderMalformed: ['invalid', 'the bucket is in another region; set region below s3:'],
  IllegalLocationConstraintException: ['invalid', 'the bucket is in another region; set region below s3:'],
  InvalidBucketName: ['invalid', 'the bucket has a name that no bucket can have'],
  SlowDown: ['rate_limited', 'the server asks to slow down'],
  TooManyRequests: ['rate_limited', 'the server asks to slow down'],
  ThrottlingException: ['rate_limited', 'the server asks to slow down'],
  RequestTimeout: ['timeout', 'the server waited too long for the bytes'],
  TimeoutError: ['timeout', 'the server took too long'],
  BadDigest: ['network', 'bytes were damaged on the way; the server found it by their checksum'],
  XAmzContentSHA256Mismatch: ['network', 'bytes were damaged on the way; the server found it by their checksum'],
  IncompleteBody: ['network', 'the connection broke before all bytes were there'],
  EntityTooLarge: ['unsupported', 'the file is larger than the server takes'],
  KeyTooLongError: ['name_unsafe', 'the name is too long for the server'],
  InvalidObjectState: ['unsupported', 'the object is in an archive; restore it first'],
  QuotaExceeded: ['space', 'the quota is used up'],
  NotImplemented: ['unsupported', 'the server cannot do that'],
};

const byStatus: Readonly<Record<number, readonly [FaultCode, string]>> = {
  401: ['permission', `the server does not know who is asking. ${setCredentials}`],
  403: ['permission', 'the credentials do not allow it'],
  404: ['not_found', 'it is not there'],
  412: ['source_changed', 'it is not what it was'],
  429: ['rate_limited', 'the server asks to slow down'],
  501: ['unsupported', 'the server cannot do that'],
  507: ['space', 'there is no room on the server'],
  508: ['rate_limited', 'the server asks to slow down'],
};

const byErrno: Readonly<Record<string, readonly [FaultCode, string]>> = {
  ECONNREFUSED: ['unreachable', 'nothing listens at the server’s address'],
  EHOSTUNREACH: ['unreachable', 'there is no way to the server'],
  ENETUNREACH: ['unreachable', 'there is no way to the server'],
  ENOTFOUND: ['unreachable', 'the server’s name is not known'],
  EAI_AGAIN: ['unreachable', 'the server’s name cannot be looked up now'],
  ETIMEDOUT: ['unreachable', 'the server does not answer'],
  ECONNRESET: ['network', 'the connection broke'],
  EPIPE: ['network', 'the connection broke'],
  ERR_STREAM_PREMATURE_CLOSE: ['network', 'the connection broke'],
  ECONNABORTED: ['network', 'the connection broke'],
};

/** What went wrong at the server or on the way; the signal's reason where the call was aborted; a Fault as it is. */
export function s3Fault(error: unknown, act: S3Act): unknown {
  if (act.signal?.aborted) return act.signal.reason;
  if (error instanceof Fault) return error;
  const { name, errno, status } = signsOf(error);
  const [code, why] =
    // The client calls a connection that was reset a time-out.
    byErrno[errno] ??
    byName[name] ??
    byStatus[status] ??
    (status >= 500 ? (['unreachable', `the server failed with ${status}`] as const) : undefined) ??
    (status === 0 ? (['network', `the connection broke (${name || errno})`] as const) : undefined) ??
    (['io', `the server refused with ${status} ${name}`] as const);
  const place = displayPath(act.endpoint);
  const what = name === 'NoSuchBucket' || act.path === '' ? place : `${displayPath(act.path)} in ${place}`;
  return new Fault(code, `Cannot ${act.operation} ${what}: ${why}.`, {
    cause: error,
    place: { path: displayPath(act.path), endpoint: place, operation: act.operation },
  });
}

/** A name that cannot be a key, or a key that cannot be a name. */
export function nameFault(path: string, endpoint: string, why: string): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(endpoint) };
  return new Fault('name_unsafe', `${place.path} in ${place.endpoint} ${why}.`, { place });
}

/** True where the server said this by name or by status. */
export function s3Says(error: unknown, ...wanted: readonly (string | number)[]): boolean {
  const { name, status } = signsOf(error);
  return wanted.includes(name) || wanted.includes(status);
}

function signsOf(error: unknown): { name: string; errno: string; status: number } {
  const found = { name: '', errno: '', status: 0 };
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if (found.name === '') found.name = at.name;
    if (found.errno === '' && 'code' in at && typeof at.code === 'string') found.errno = at.code;
    if (found.status === 0 && '$metadata' in at) {
      const { httpStatusCode } = at.$metadata as { httpStatusCode?: number };
      found.status = httpStatusCode ?? 0;
    }
  }
  return found;
}
