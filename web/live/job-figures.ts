// What is shown of a job right now: its counts, overtaken by live progress while it runs.

import type { EtaView, JobProgressView, JobView } from '../../src/model/views.ts';

export interface JobFigures {
  readonly filesFound: number;
  readonly filesDone: number;
  readonly filesSkipped: number;
  readonly filesFailed: number;
  readonly bytesFound: number;
  readonly bytesDone: number;
  /** 0 to 1; undefined while the whole is not known. */
  readonly part: number | undefined;
  readonly planning: boolean;
  readonly bytesPerSecond: number;
  readonly eta: EtaView | null;
}

export function jobFiguresOf(job: JobView, live: JobProgressView | undefined): JobFigures {
  const progress = job.state === 'running' ? (live ?? job.progress ?? undefined) : undefined;
  const { counts } = job;
  const figures = {
    filesFound: Math.max(counts.found, progress?.filesFound ?? 0),
    filesDone: Math.max(counts.completed, progress?.filesDone ?? 0),
    filesSkipped: Math.max(counts.skipped, progress?.filesSkipped ?? 0),
    filesFailed: progress?.filesFailed ?? counts.failed,
    bytesFound: Math.max(counts.bytesFound, progress?.bytesFound ?? 0),
    bytesDone: Math.max(counts.bytesCompleted + counts.bytesSkipped, progress?.bytesDone ?? 0),
    planning: progress?.planning ?? (job.state === 'running' && !job.planned),
    bytesPerSecond: progress?.bytesPerSecond ?? 0,
    eta: job.kind === 'watch' ? null : (progress?.eta ?? null),
  };
  return { ...figures, part: partOf(job, figures) };
}

function partOf(job: JobView, figures: Omit<JobFigures, 'part'>): number | undefined {
  if (job.state === 'completed') return 1;
  if (job.kind === 'watch') return undefined;
  if (figures.planning && figures.filesFound === 0) return undefined;
  if (figures.bytesFound > 0) return Math.min(1, figures.bytesDone / figures.bytesFound);
  return figures.filesFound > 0 ? (figures.filesDone + figures.filesSkipped) / figures.filesFound : undefined;
}
