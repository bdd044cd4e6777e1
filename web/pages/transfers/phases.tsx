// The two phases of a file that comes home: the download, then the processing with its step, each with its own progress.

import type { TransferView } from '../../../src/model/views.ts';
import { useLive } from '../../live/live-store.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { perCent } from '../../words/amounts.ts';
import { type Tone, transferLooks } from '../../words/states.ts';
import { doneOf, etaText, stepWords } from '../../words/transfers.ts';

export function Phases({ transfer }: { transfer: TransferView }) {
  const progress = useLive((state) => state.progress.get(transfer.id));
  const figures = figuresOf(transfer, progress);
  const { state, phase, sizeBytes, bytesDone } = transfer;
  const { tone } = transferLooks[state];
  const eta = etaText(figures.eta);
  const arrived = phase === 'process' || state === 'transferred' || state === 'completed';
  const step = state === 'processing' ? (progress?.step ?? transfer.step) : null;
  return (
    <div className="flex flex-col gap-3">
      <Phase
        title="Download"
        part={arrived ? 1 : figures.part}
        tone={arrived ? 'proven' : tone}
        done={doneOf(arrived ? (sizeBytes ?? bytesDone) : figures.bytesDone, figures.sizeBytes)}
        beside={arrived ? 'proven' : [eta.short, eta.cause].filter((each) => each !== '').join(' ')}
      />
      {state === 'completed' ? (
        <p>
          <Link
            href={`/recordings/${transfer.id}`}
            className="font-medium underline decoration-line-strong underline-offset-2"
          >
            Show the recording
          </Link>
        </p>
      ) : (
        <Phase
          title="Processing"
          part={phase === 'process' ? figures.part : 0}
          tone={phase === 'process' ? tone : 'still'}
          done={step === null ? (phase === 'process' ? '' : 'begins when it has arrived') : stepWords(step)}
          beside={phase === 'process' && state === 'processing' ? eta.short : ''}
        />
      )}
    </div>
  );
}

interface PhaseProps {
  title: string;
  part: number | undefined;
  tone: Tone;
  done: string;
  beside: string;
}

function Phase({ title, part, tone, done, beside }: PhaseProps) {
  return (
    <div className="flex flex-col gap-1">
      <div className="flex justify-between gap-3">
        <span className="font-medium">{title}</span>
        <span className="text-ink-soft tabular-nums">{part === undefined || part === 0 ? '' : perCent(part)}</span>
      </div>
      <ProgressBar part={part} tone={tone} label={title} className="h-2" />
      <div className="flex justify-between gap-3 text-12 text-ink-soft tabular-nums">
        <span>{done}</span>
        <span className="text-right">{beside}</span>
      </div>
    </div>
  );
}
