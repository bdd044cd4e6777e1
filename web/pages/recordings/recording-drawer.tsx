// The drawer of one recording: to play or look at, what is known of it, where its files lie, and its chain of custody.

import { asFault } from '../../../src/model/fault.ts';
import type { RecordingView } from '../../../src/model/recording-views.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { useRecording } from '../../live/use-recordings.ts';
import { Link } from '../../parts/link.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { exactSize, size } from '../../words/amounts.ts';
import { factRows, recordedAt, roleWords } from '../../words/recordings.ts';
import { exactMoment } from '../../words/times.ts';
import { wholePath } from '../../words/transfers.ts';
import { CustodyChain } from './custody-chain.tsx';
import { Player } from './player.tsx';

const underlined = 'underline decoration-line-strong underline-offset-2';

export function RecordingDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error } = useRecording(id);
  if (data === undefined) {
    return (
      <Drawer title="Recording" label="Recording" onClose={onClose}>
        <p className="p-4 text-ink-soft">{error === null ? 'Reading…' : asFault(error).message}</p>
      </Drawer>
    );
  }
  const facts = factRows(data);
  return (
    <Drawer title={<span className="break-words">{data.name}</span>} label={`Recording ${data.name}`} onClose={onClose}>
      <Player key={data.id} recording={data} />
      <About recording={data} />
      {facts.length > 0 && (
        <Section title="What it says of itself">
          <Facts rows={facts} />
        </Section>
      )}
      <Files recording={data} />
      <Section title="Chain of custody">
        <CustodyChain links={data.custody} />
      </Section>
    </Drawer>
  );
}

function About({ recording }: { recording: RecordingView }) {
  const { id, device, associateWith, original, createdAt } = recording;
  return (
    <Section title="Recording">
      <Facts
        rows={[
          ['Recorded', exactMoment(recordedAt(recording))],
          ['Complete', exactMoment(Date.parse(createdAt))],
          ['Size', `${size(original.sizeBytes)} (${exactSize(original.sizeBytes)})`],
          ...(device === null
            ? []
            : [
                [
                  'Device',
                  <Link key="device" href={`/recordings?device=${device.id}`} className={underlined}>
                    {device.name}
                  </Link>,
                ] as const,
              ]),
          ...(associateWith === null
            ? []
            : [
                [
                  'Key',
                  <Link key="key" href={`/recordings?key=${encodeURIComponent(associateWith)}`} className={underlined}>
                    {associateWith}
                  </Link>,
                ] as const,
              ]),
          [
            'Came from',
            <span key="from" className="wrap-anywhere font-mono text-12">
              {wholePath(original.source)}
            </span>,
          ],
          [
            'Transfer',
            <Link key="transfer" href={`/transfers/${id}`} className={underlined}>
              How it came here
            </Link>,
          ],
        ]}
      />
    </Section>
  );
}

function Files({ recording }: { recording: RecordingView }) {
  const { original, files, passedOver } = recording;
  const all = [{ role: 'original', path: original.path, sizeBytes: original.sizeBytes, url: original.url }, ...files];
  return (
    <Section title="Files">
      <ul aria-label="Files of the recording" className="flex flex-col gap-1">
        {all.map(({ role, path, sizeBytes, url }) => (
          <li key={`${role} ${path}`} className="flex items-baseline gap-3">
            <span className="w-24 shrink-0">
              {url.endsWith('.m3u8') ? (
                roleWords(role)
              ) : (
                <a href={url} download className={underlined}>
                  {roleWords(role)}
                </a>
              )}
            </span>
            <span className="min-w-0 flex-1 truncate font-mono text-12 text-ink-soft" title={path} dir="auto">
              {path}
            </span>
            <span className="shrink-0 text-12 text-ink-soft tabular-nums" title={exactSize(sizeBytes)}>
              {size(sizeBytes)}
            </span>
          </li>
        ))}
      </ul>
      {passedOver.length > 0 && (
        <ul className="mt-3 flex flex-col gap-1 text-12 text-ink-faint">
          {passedOver.map(({ step, why }) => (
            <li key={`${step} ${why}`} className="break-words">
              {step} was passed over: {why}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
