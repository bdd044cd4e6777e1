// A transfer, a job and a recording written out in full, to change a field or two of in a test.

import { type Job, noCounts } from '../../src/model/job.ts';
import type { Recording } from '../../src/model/recording.ts';
import type { Transfer } from '../../src/model/transfer.ts';

export function literalTransfer(changes: Partial<Transfer> = {}): Transfer {
  return {
    id: '01JABCDEFGHJKMNPQRSTVWXYZ0',
    jobId: '01JABCDEFGHJKMNPQRSTVWXYZ1',
    mode: 'copy',
    source: { endpoint: '/from', path: 'a.bin' },
    destination: { endpoint: '/to', path: 'a.bin' },
    publishedPath: null,
    sizeBytes: 1,
    mtimeMs: 1_700_000_000_000,
    fileMode: 0o644,
    identity: null,
    state: 'discovered',
    phase: 'transfer',
    waiting: null,
    bytesDone: 0,
    bytesProcessed: 0,
    hash: null,
    attempts: 0,
    firstQueuedAt: null,
    priority: 0,
    owner: null,
    associateWith: null,
    error: null,
    heartbeatAt: null,
    lease: null,
    fence: 0,
    publishing: null,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    startedAt: null,
    finishedAt: null,
    ...changes,
  };
}

export function literalJob(changes: Partial<Job> = {}): Job {
  return {
    id: '01JABCDEFGHJKMNPQRSTVWXYZ1',
    kind: 'copy',
    name: '/from to /to',
    spec: null,
    state: 'pending',
    waiting: null,
    planned: false,
    counts: noCounts,
    priority: 0,
    owner: null,
    error: null,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    startedAt: null,
    finishedAt: null,
    ...changes,
  };
}

export function literalRecording(changes: Partial<Recording> = {}): Recording {
  return {
    id: '01JABCDEFGHJKMNPQRSTVWXYZ0',
    jobId: '01JABCDEFGHJKMNPQRSTVWXYZ1',
    name: 'a.mp4',
    device: null,
    associateWith: null,
    original: {
      path: '/to/a.mp4',
      endpoint: '/to',
      sizeBytes: 1,
      mtimeMs: 1_700_000_000_000,
      hash: { algorithm: 'xxh128-8m', value: '00' },
      verify: 'read-back',
      provenAt: 1_700_000_000_000,
      source: { endpoint: 'device://card-1/', path: 'DCIM/a.mp4' },
    },
    derived: [],
    facts: {},
    passedOver: [],
    createdAt: 1_700_000_000_000,
    ...changes,
  };
}
