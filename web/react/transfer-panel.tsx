// A panel of transfers for a host app: those that are under way and those that are done, with their progress, cancel and retry.

import { useState } from 'react';
import { asFault } from '../../src/model/fault.ts';
import type { TransferView } from '../../src/model/views.ts';
import { figuresOf } from '../live/row-figures.ts';
import { useNow } from '../live/use-now.ts';
import { drawings, type IconName } from '../parts/drawings.ts';
import { counted, perCent, speed } from '../words/amounts.ts';
import { type Look, transferLooks } from '../words/states.ts';
import { baseName, doneOf, etaText, shortReason, targetPath, waitSentence } from '../words/transfers.ts';
import { currentClient, isFinished, transfer } from './transfer-store.ts';

export interface TransferPanelProps {
  /** Default is `Transfers`. */
  readonly title?: string;
  /** Beside the panel's own class. */
  readonly className?: string;
}

/** Needs `wherry/react/style.css`. Cancel and retry work while a TransferServiceComponent is mounted whose token may write. */
export function TransferPanel({ title = 'Transfers', className = '' }: TransferPanelProps) {
  const transfers = transfer((state) => state.transfers);
  const activeCount = transfer((state) => state.activeCount);
  const service = transfer((state) => state.service);
  const clearCompleted = transfer((state) => state.clearCompleted);
  const dismissAll = transfer((state) => state.dismissAll);
  const active = transfers.filter((each) => !isFinished(each));
  const finished = transfers.filter(isFinished);
  return (
    <section aria-label={title} className={`wherry-panel ${className}`}>
      <header className="wherry-head">
        <h2>{title}</h2>
        <span role="status" className="wherry-soft">
          {service.kind === 'offline' || service.kind === 'refused'
            ? service.why
            : activeCount === 0
              ? 'Nothing moves.'
              : `${counted(activeCount, 'file')} under way`}
        </span>
        <button type="button" disabled={!finished.some(({ state }) => state === 'completed')} onClick={clearCompleted}>
          Clear completed
        </button>
        <button type="button" disabled={transfers.length === 0} onClick={dismissAll}>
          Dismiss all
        </button>
      </header>
      {active.length > 0 && <Rows label="Under way" rows={active} />}
      {finished.length > 0 && <Rows label="Done" rows={finished} />}
    </section>
  );
}

function Rows({ label, rows }: { label: string; rows: readonly TransferView[] }) {
  return (
    <>
      <h3>{label}</h3>
      <ul aria-label={label}>
        {rows.map((each) => (
          <Row key={each.id} of={each} />
        ))}
      </ul>
    </>
  );
}

function Row({ of }: { of: TransferView }) {
  const nowMs = useNow(1000);
  const [problem, setProblem] = useState<string>();
  const name = baseName(of.source.path);
  const look = transferLooks[of.state];
  const ask = async (route: 'cancelTransfer' | 'retryTransfer') => {
    const client = currentClient();
    if (client === undefined) return;
    setProblem(undefined);
    try {
      transfer.getState().upsertTransfer(await client.call(route, { params: { id: of.id } }));
    } catch (error) {
      setProblem(asFault(error).message);
    }
  };
  return (
    <li className="wherry-row">
      <span className="wherry-name" title={`${of.source.endpoint}/${of.source.path}\n→ ${targetPath(of)}`}>
        {name}
      </span>
      <span className={`wherry-state wherry-${look.tone}`}>
        <Drawing look={look} />
        {look.word}
      </span>
      <span className="wherry-verbs">
        {of.actions.includes('retry') && (
          <IconVerb icon="retry" label={`Try ${name} again`} onClick={() => void ask('retryTransfer')} />
        )}
        {of.actions.includes('cancel') && !isFinished(of) && (
          <IconVerb icon="cancel" label={`Cancel ${name}`} onClick={() => void ask('cancelTransfer')} />
        )}
        {isFinished(of) && (
          <IconVerb
            icon="check"
            label={`Take ${name} out of view`}
            onClick={() => transfer.getState().removeTransfer(of.id)}
          />
        )}
      </span>
      {!isFinished(of) && <Bar of={of} name={name} />}
      <span className="wherry-more">{problem ?? sentence(of, nowMs)}</span>
    </li>
  );
}

function Bar({ of, name }: { of: TransferView; name: string }) {
  const { part } = figuresOf(of, undefined);
  return (
    <span
      className="wherry-bar"
      role="progressbar"
      aria-label={`Progress of ${name}`}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(part === undefined ? {} : { 'aria-valuenow': Math.floor(part * 100) })}
    >
      <span style={{ transform: `scaleX(${(part ?? 0).toFixed(4)})` }} />
    </span>
  );
}

function sentence(of: TransferView, nowMs: number): string {
  if (of.state === 'failed') return shortReason(of);
  if (of.state === 'waiting') return waitSentence(of, nowMs);
  const { bytesDone, sizeBytes, part, bytesPerSecond, eta } = figuresOf(of, undefined);
  if (of.state === 'completed') return doneOf(bytesDone, null);
  const { short, cause } = etaText(eta);
  return [
    doneOf(bytesDone, sizeBytes),
    part === undefined ? '' : perCent(part),
    bytesPerSecond === null ? '' : speed(bytesPerSecond),
    short === '' ? cause : short,
  ]
    .filter((each) => each !== '')
    .join(' · ');
}

function Drawing({ look }: { look: Pick<Look, 'icon'> }) {
  return (
    <svg aria-hidden="true" width="16" height="16" viewBox="0 0 16 16">
      <path d={drawings[look.icon]} />
    </svg>
  );
}

function IconVerb({ icon, label, onClick }: { icon: IconName; label: string; onClick: () => void }) {
  return (
    <button type="button" aria-label={label} title={label} onClick={onClick}>
      <Drawing look={{ icon }} />
    </button>
  );
}
