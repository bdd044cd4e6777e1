// Logs as files: one for the daemon, one for each job, put aside when they grow too large. Written behind, so that a slow disk holds up nobody.

import { appendFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogSettings } from './config.ts';

export interface LogFiles {
  /** A line of JSON with its end; one that names a `jobId` goes to that job's log, too. Never throws. */
  write(line: string): void;
  /** Resolves when all that was written so far is in the files. */
  flush(): Promise<void>;
}

const daemonLog = 'wherry.log';
const gatherMs = 100;
/** What waits while the disk does not take it; more is dropped, and said. */
const mostWaitingBytes = 8_000_000;
const knownSizes = 1000;

/** Where a job's log is. */
export function jobLogFile(logFolder: string, jobId: string): string {
  return join(logFolder, 'jobs', `${jobId}.log`);
}

/** Makes the folders. `failed` is told once of each kind of trouble; logging goes on without the files. */
export function openLogFiles(settings: LogSettings, failed: (why: string) => void): LogFiles {
  const { folder, maxBytes, keep } = settings;
  const waiting = new Map<string, string[]>();
  const sizes = new Map<string, number>();
  let waitingBytes = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const told = new Set<string>();
  const tell = (error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (told.has(code)) return;
    told.add(code);
    failed(code);
  };

  const put = (file: string, line: string) => {
    const lines = waiting.get(file);
    if (lines === undefined) waiting.set(file, [line]);
    else lines.push(line);
    waitingBytes += line.length;
  };

  const append = async (file: string, text: string) => {
    let size = sizes.get(file) ?? (await stat(file).catch(() => undefined))?.size ?? 0;
    if (size > 0 && size + text.length > maxBytes) {
      await putAside(file, keep);
      size = 0;
    }
    await appendFile(file, text, { mode: 0o600 });
    sizes.delete(file);
    sizes.set(file, size + Buffer.byteLength(text));
    const [oldest] = sizes.keys();
    if (sizes.size > knownSizes && oldest !== undefined) sizes.delete(oldest);
  };

  const drain = async () => {
    const batch = [...waiting];
    waiting.clear();
    waitingBytes = 0;
    if (dropped > 0) {
      batch.push([
        join(folder, daemonLog),
        [`${JSON.stringify({ level: 40, time: Date.now(), msg: `${dropped} lines of the log were dropped` })}\n`],
      ]);
      dropped = 0;
    }
    for (const [file, lines] of batch) await append(file, lines.join('')).catch(tell);
  };

  const start = () => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(drain);
    return writing;
  };

  writing = mkdir(join(folder, 'jobs'), { recursive: true, mode: 0o700 })
    .then(() => sweepJobLogs(join(folder, 'jobs'), settings.jobs))
    .catch(tell);

  return {
    write(line) {
      if (waitingBytes > mostWaitingBytes) {
        dropped += 1;
        return;
      }
      put(join(folder, daemonLog), line);
      const jobId = /"jobId":"([0-9A-HJKMNP-TV-Z]{26})"/.exec(line)?.[1];
      if (jobId !== undefined) put(jobLogFile(folder, jobId), line);
      timer ??= setTimeout(() => void start(), gatherMs).unref();
    },
    flush: start,
  };
}

/** `wherry.log` → `wherry.log.1` → … ; the oldest goes. */
async function putAside(file: string, keep: number): Promise<void> {
  await rm(`${file}.${keep}`, { force: true });
  for (let number = keep - 1; number >= 1; number--) {
    await rename(`${file}.${number}`, `${file}.${number + 1}`).catch(() => undefined);
  }
  await rename(file, `${file}.1`);
}

/** Names begin with the time of the job's birth, so the first by name are the oldest. */
async function sweepJobLogs(folder: string, keepJobs: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.includes('.log'));
  const jobs = [...new Set(names.map((name) => name.slice(0, name.indexOf('.'))))].sort();
  const gone = new Set(jobs.slice(0, Math.max(0, jobs.length - keepJobs)));
  for (const name of names) {
    if (gone.has(name.slice(0, name.indexOf('.')))) await rm(join(folder, name), { force: true });
  }
}
