// Fault: the one error that crosses Wherry's walls, and the table that says what each code means to whom.

/** What is done about a fault without asking anybody. `none`: it ends the transfer at once. */
export type RetryClass = 'transient' | 'space' | 'permission' | 'device' | 'tool' | 'none';

interface Meaning {
  readonly retry: RetryClass;
  readonly httpStatus: number;
  /** Exit code of the CLI where this ends a one-shot verb. */
  readonly exitCode: number;
  /** What a person reads first; the fault's own message says on which file and place. */
  readonly sentence: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Where a fault happened, in words a person can use. Paths are display forms (names.ts). */
export interface FaultPlace {
  readonly path?: string;
  readonly endpoint?: string;
  readonly offsetBytes?: number;
  readonly operation?: string;
}

/** A fault as it is stored and sent. */
export interface FaultReport {
  readonly code: FaultCode;
  readonly message: string;
  readonly transient: boolean;
  readonly remedy: string;
  readonly place?: FaultPlace;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly place: FaultPlace | undefined;

  constructor(code: FaultCode, message: string, options: { cause?: unknown; place?: FaultPlace } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.place = options.place;
  }

  get meaning(): Meaning {
    return faultTable[this.code];
  }

  report(): FaultReport {
    const { retry, remedy } = this.meaning;
    return {
      code: this.code,
      message: this.message,
      transient: retry === 'transient',
      remedy,
      ...(this.place === undefined ? {} : { place: this.place }),
    };
  }
}

/** Anything thrown as a Fault; what nobody classified is `internal` and is not retried. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Fault('internal', message, { cause: error });
}

/** Rebuilds a fault that was sent as a report (from a worker thread, the ledger, or the API). */
export function faultFrom(report: FaultReport): Fault {
  return new Fault(report.code, report.message, report.place === undefined ? {} : { place: report.place });
}

const table = {
  invalid: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 2,
    sentence: 'The request does not make sense.',
    remedy: 'Correct what the message names and ask again.',
  },
  config_invalid: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 2,
    sentence: 'The configuration has a mistake.',
    remedy: 'Correct the named line; `wherry config check` shows all of them.',
  },
  name_unsafe: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 1,
    sentence: 'The name could lead outside the destination and was refused.',
    remedy: 'Rename the file at the source.',
  },
  outside_roots: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 2,
    sentence: 'The path is outside the folders that the daemon may use.',
    remedy: 'Choose a path inside one of the roots, or add its folder to `roots:` in the configuration.',
  },
  not_authenticated: {
    retry: 'none',
    httpStatus: 401,
    exitCode: 13,
    sentence: 'Who is asking is not known.',
    remedy: 'Sign in, or give a token by WHERRY_TOKEN.',
  },
  not_authorised: {
    retry: 'none',
    httpStatus: 403,
    exitCode: 13,
    sentence: 'This is not allowed.',
    remedy: 'Use a token with the scope that the message names.',
  },
  not_found: {
    retry: 'none',
    httpStatus: 404,
    exitCode: 3,
    sentence: 'It is not there.',
    remedy: 'Check the path or id.',
  },
  state_conflict: {
    retry: 'none',
    httpStatus: 409,
    exitCode: 1,
    sentence: 'That cannot be done in the state it is in.',
    remedy: 'Look at its present state and choose an action that it takes.',
  },
  exists: {
    retry: 'none',
    httpStatus: 409,
    exitCode: 1,
    sentence: 'Something else already has that name.',
    remedy: 'Move it away, or choose another conflict rule.',
  },
  source_changed: {
    retry: 'transient',
    httpStatus: 409,
    exitCode: 5,
    sentence: 'The source changed while it was read.',
    remedy: 'Nothing to do: the copy starts again. If it goes on, stop what writes to the file.',
  },
  source_removed: {
    retry: 'none',
    httpStatus: 410,
    exitCode: 3,
    sentence: 'The source was removed before its copy began.',
    remedy: 'Put it back if it was needed.',
  },
  corrupt: {
    retry: 'none',
    httpStatus: 422,
    exitCode: 11,
    sentence: 'What was written is not what was read.',
    remedy: 'Check the disk, memory and cables of the named place, then retry.',
  },
  unsupported: {
    retry: 'none',
    httpStatus: 422,
    exitCode: 2,
    sentence: 'That place or file cannot do what was asked.',
    remedy: 'Choose another option or place.',
  },
  busy: {
    retry: 'transient',
    httpStatus: 409,
    exitCode: 5,
    sentence: 'Somebody else is using it.',
    remedy: 'Wait until the other has finished, or stop it.',
  },
  rate_limited: {
    retry: 'transient',
    httpStatus: 429,
    exitCode: 8,
    sentence: 'Too many requests.',
    remedy: 'Wait a little and try again.',
  },
  limit_reached: {
    retry: 'none',
    httpStatus: 403,
    exitCode: 8,
    sentence: 'A limit that was set has been reached.',
    remedy: 'Raise the limit that the message names, or do less at once.',
  },
  room_full: {
    retry: 'none',
    httpStatus: 403,
    exitCode: 8,
    sentence: 'The room is full.',
    remedy: 'Wait until somebody leaves, or make another room.',
  },
  too_large: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 8,
    sentence: 'The file is larger than is allowed.',
    remedy: 'Raise `rooms.maxFile` in the configuration, or send the file another way.',
  },
  type_refused: {
    retry: 'none',
    httpStatus: 400,
    exitCode: 12,
    sentence: 'Files of this type are not taken.',
    remedy: 'Pack the file into an archive that is allowed, or change `rooms.types` in the configuration.',
  },
  io: {
    retry: 'none',
    httpStatus: 502,
    exitCode: 1,
    sentence: 'The place failed to read or write.',
    remedy: 'Check the disk or share that the message names.',
  },
  sync_failed: {
    retry: 'transient',
    httpStatus: 502,
    exitCode: 5,
    sentence: 'The place could not make the data durable.',
    remedy: 'Check the disk; the file is written again from the start.',
  },
  network: {
    retry: 'transient',
    httpStatus: 502,
    exitCode: 5,
    sentence: 'The connection broke.',
    remedy: 'Nothing to do: it is tried again. If it goes on, check the network.',
  },
  unreachable: {
    retry: 'transient',
    httpStatus: 503,
    exitCode: 5,
    sentence: 'The place does not answer.',
    remedy: 'Check that the share or host is up; it goes on by itself when it is back.',
  },
  timeout: {
    retry: 'transient',
    httpStatus: 504,
    exitCode: 5,
    sentence: 'It took too long.',
    remedy: 'Nothing to do: it is tried again. If it goes on, check the place that the message names.',
  },
  stalled: {
    retry: 'transient',
    httpStatus: 504,
    exitCode: 5,
    sentence: 'No byte has moved for too long.',
    remedy: 'Nothing to do: it is tried again. If it goes on, check the place that the message names.',
  },
  lease_lost: {
    retry: 'transient',
    httpStatus: 409,
    exitCode: 5,
    sentence: 'Another worker has taken over.',
    remedy: 'Nothing to do.',
  },
  device: {
    retry: 'device',
    httpStatus: 503,
    exitCode: 5,
    sentence: 'The device is away.',
    remedy: 'Connect the device again; it goes on by itself.',
  },
  space: {
    retry: 'space',
    httpStatus: 507,
    exitCode: 5,
    sentence: 'There is no room at the destination.',
    remedy: 'Make room; it goes on by itself.',
  },
  permission: {
    retry: 'permission',
    httpStatus: 403,
    exitCode: 1,
    sentence: 'The operating system does not allow it.',
    remedy: 'Give the user that runs Wherry the right to the named path, then retry.',
  },
  read_only: {
    retry: 'permission',
    httpStatus: 403,
    exitCode: 1,
    sentence: 'The destination is read-only.',
    remedy: 'Make the destination writable; it goes on by itself.',
  },
  rejected: {
    retry: 'none',
    httpStatus: 403,
    exitCode: 12,
    sentence: 'The other side refused.',
    remedy: 'Ask the other side.',
  },
  host_key: {
    retry: 'none',
    httpStatus: 502,
    exitCode: 12,
    sentence: 'The host does not show the key by which it is known.',
    remedy: 'Find out whether it is the right host; then correct known_hosts, or the host in the configuration.',
  },
  login_refused: {
    retry: 'none',
    httpStatus: 502,
    exitCode: 13,
    sentence: 'The host does not let us in.',
    remedy: 'Check the user, key and password of the host in the configuration, and its authorized_keys.',
  },
  ledger: {
    retry: 'none',
    httpStatus: 503,
    exitCode: 7,
    sentence: 'The ledger cannot be written.',
    remedy: 'Do what the message says; a daemon then goes on by itself, a command is to be run again.',
  },
  data_in_use: {
    retry: 'none',
    httpStatus: 409,
    exitCode: 5,
    sentence: 'Another Wherry uses this data folder.',
    remedy: 'Stop the other one, or choose another folder with --data.',
  },
  port_in_use: {
    retry: 'none',
    httpStatus: 409,
    exitCode: 7,
    sentence: 'The port is taken.',
    remedy: 'Stop what listens there, or choose another address with --listen.',
  },
  not_taken: {
    retry: 'transient',
    httpStatus: 502,
    exitCode: 5,
    sentence: 'The receiver did not take the message.',
    remedy: 'Look at what the receiver says; it is sent again by itself for some days, and can be replayed after that.',
  },
  tool_missing: {
    retry: 'tool',
    httpStatus: 503,
    exitCode: 7,
    sentence: 'A program that is needed is not installed.',
    remedy: 'Install the package that the message names.',
  },
  tool_unavailable: {
    retry: 'tool',
    httpStatus: 503,
    exitCode: 5,
    sentence: 'A service that is needed does not answer.',
    remedy: 'Start the service that the message names; it goes on by itself.',
  },
  step_failed: {
    retry: 'none',
    httpStatus: 422,
    exitCode: 1,
    sentence: 'A step of processing could not do its work on this file.',
    remedy: 'Look at what the program said; the original is kept. Retry once the cause is mended.',
  },
  infected: {
    retry: 'none',
    httpStatus: 422,
    exitCode: 1,
    sentence: 'The virus scanner found something in the file.',
    remedy: 'Do not open the file. Delete it, or have it looked at where it can do no harm.',
  },
  interrupted: {
    retry: 'none',
    httpStatus: 409,
    exitCode: 130,
    sentence: 'It was interrupted; what was done is kept.',
    remedy: 'Run the same command again to go on.',
  },
  internal: {
    retry: 'none',
    httpStatus: 500,
    exitCode: 7,
    sentence: 'Wherry made a mistake.',
    remedy: 'Please report it with the log of the job.',
  },
} as const satisfies Record<string, Meaning>;

export type FaultCode = keyof typeof table;

/** code → retry class, HTTP status, CLI exit code, sentence and remedy. docs/errors.md lists it; a test compares. */
export const faultTable: Readonly<Record<FaultCode, Meaning>> = table;
export const faultCodes = Object.keys(table) as FaultCode[];
