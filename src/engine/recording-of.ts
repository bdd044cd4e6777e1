// Makes the recording of a transfer out of its receipt and the records of its steps. Pure.

import { baseName, joinPath } from '../model/names.ts';
import type { StepRecord } from '../model/pipeline.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Recording, RecordingDevice } from '../model/recording.ts';
import type { Transfer } from '../model/transfer.ts';

export function recordingOf(
  transfer: Transfer,
  receipt: Receipt,
  steps: readonly StepRecord[],
  device: RecordingDevice | null,
  now: number,
): Recording {
  const { endpoint, path } = receipt.destination;
  return {
    id: transfer.id,
    jobId: transfer.jobId,
    name: baseName(path),
    device,
    associateWith: transfer.associateWith,
    original: {
      path: endpoint.startsWith('/') ? `${endpoint === '/' ? '' : endpoint}/${path}` : joinPath('', path),
      endpoint,
      sizeBytes: receipt.sizeBytes,
      mtimeMs: transfer.mtimeMs,
      hash: receipt.hash,
      verify: receipt.verify,
      provenAt: receipt.at,
      source: receipt.source,
    },
    derived: steps.flatMap(({ step, tool, finishedAt, derived }) =>
      derived.map((file) => ({ ...file, step, tool, madeAt: finishedAt })),
    ),
    facts: Object.fromEntries(
      steps.filter(({ facts }) => Object.keys(facts).length > 0).map(({ step, facts }) => [step, facts]),
    ),
    passedOver: steps.flatMap(({ step, skipped }) => (skipped === null ? [] : [{ step, why: skipped }])),
    createdAt: now,
  };
}
