// Keeps the store in step with a daemon: hears its events, catches up after a break, and says which transfers are done. Shows nothing.

import { useEffect, useRef } from 'react';
import { type Client, createClient } from '../../src/api/client.ts';
import { asFault } from '../../src/model/fault.ts';
import type { TransferProgressView, TransferView } from '../../src/model/views.ts';
import { isFinished, noteProgress, setClient, setService, upsertAll } from './transfer-store.ts';

export interface TransferServiceProps {
  /** The daemon's address, such as `http://127.0.0.1:7373`; left out: the page's own origin. */
  readonly url?: string;
  /** Bearer token with the scope `management`, and `write` for cancel and retry; left out: the page's own session. */
  readonly token?: string;
  /** Only transfers of this job. */
  readonly jobId?: string;
  /** Called once for each transfer that is completed while this is mounted, so that a host reads its own things anew. */
  readonly onCompleted?: (transfer: TransferView) => void;
  /** Called where the daemon refuses: the token is not taken, or lacks the scope. Nothing more is tried until the props change. */
  readonly onRefused?: (error: Error) => void;
}

const flushMs = 100;
const firstPage = 200;
const unfinished: TransferView['state'][] = [
  'discovered',
  'queued',
  'waiting',
  'transferring',
  'transferred',
  'processing',
  'paused',
];

export function TransferServiceComponent({
  url = '',
  token,
  jobId,
  onCompleted,
  onRefused,
}: TransferServiceProps): null {
  const callbacks = useRef({ onCompleted, onRefused });
  useEffect(() => {
    callbacks.current = { onCompleted, onRefused };
  });
  useEffect(() => {
    const stop = new AbortController();
    const client = createClient({ url: url.replace(/\/+$/, ''), ...(token === undefined ? {} : { token }) });
    setClient(client);
    setService({ kind: 'connecting' });
    follow(client, jobId, stop.signal, (transfer) => callbacks.current.onCompleted?.(transfer)).catch((error) => {
      if (stop.signal.aborted) return;
      setService({ kind: 'refused', why: asFault(error).message });
      callbacks.current.onRefused?.(asFault(error));
    });
    return () => {
      stop.abort();
      setClient(undefined);
      setService({ kind: 'none' });
    };
  }, [url, token, jobId]);
  return null;
}

/** Resolves when the signal is aborted; rejects where the daemon refuses. */
async function follow(
  client: Client,
  jobId: string | undefined,
  signal: AbortSignal,
  onCompleted: (transfer: TransferView) => void,
): Promise<void> {
  /** By id, what was heard since the last change of the store: one change for many. */
  const heard = new Map<string, TransferView>();
  const figures = new Map<string, TransferProgressView>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (signal.aborted) return;
    if (heard.size > 0) upsertAll([...heard.values()]);
    if (figures.size > 0) noteProgress(figures);
    heard.clear();
    figures.clear();
  };
  let isFirst = true;
  try {
    // The stream first: what changes while the present is read is then heard, and the newer of both stays.
    for await (const item of client.live({ signal })) {
      if (item.kind === 'ready') {
        setService({ kind: 'live' });
        if (isFirst) upsertAll(await present(client, jobId, signal));
        isFirst = false;
      } else if (item.kind === 'lost') {
        setService({ kind: 'offline', why: item.error.message });
      } else if (item.kind === 'progress') {
        const { transfer } = item.progress;
        if (transfer !== undefined && (jobId === undefined || transfer.jobId === jobId))
          figures.set(transfer.transferId, transfer);
      } else {
        const { name, transfer } = item.event;
        if (transfer === undefined || (jobId !== undefined && transfer.jobId !== jobId)) continue;
        heard.set(transfer.id, transfer);
        if (isFinished(transfer)) figures.delete(transfer.id);
        if (name === 'observation.transfer.completed') {
          flush();
          onCompleted(transfer);
        }
      }
      timer ??= setTimeout(flush, flushMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function present(client: Client, jobId: string | undefined, signal: AbortSignal): Promise<TransferView[]> {
  const query = { state: unfinished, limit: firstPage, ...(jobId === undefined ? {} : { job: jobId }) };
  return [...(await client.call('listTransfers', { query }, { signal })).rows];
}
