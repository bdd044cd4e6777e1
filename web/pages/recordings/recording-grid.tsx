// The virtual list of recordings, as pictures or as lines: any number, of which only those in sight exist; more are read as the end comes near.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { RecordingView } from '../../../src/model/recording-views.ts';
import { useNow } from '../../live/use-now.ts';
import type { IconName } from '../../parts/drawings.ts';
import { FileName } from '../../parts/file-name.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { amountWords, recordedAt, thumbnailOf } from '../../words/recordings.ts';
import { exactMoment, moment } from '../../words/times.ts';

interface RecordingGridProps {
  recordings: readonly RecordingView[];
  asList: boolean;
  openId: string | undefined;
  addressOf: (id: string) => string;
  onEnd: () => void;
}

const leastTilePx = 200;
const tileTextPx = 52;
const lineHeightPx = 52;
const gapPx = 16;

export function RecordingGrid({ recordings, asList, openId, addressOf, onEnd }: RecordingGridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const widthPx = useInnerWidth(scroller);
  const columns = asList ? 1 : Math.max(widthPx < 480 ? 2 : 1, Math.floor((widthPx - gapPx) / (leastTilePx + gapPx)));
  const tilePx = (widthPx - gapPx * (columns + 1)) / columns;
  const heightPx = asList ? lineHeightPx : Math.round((tilePx * 9) / 16) + tileTextPx + gapPx;
  const rows = useVirtualizer({
    count: Math.ceil(recordings.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => heightPx,
    paddingStart: asList ? 0 : gapPx,
    overscan: 4,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height is the reason to measure again
  useEffect(() => rows.measure(), [rows, heightPx]);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if ((last + 5) * columns >= recordings.length) onEnd();
  }, [last, columns, recordings.length, onEnd]);
  return (
    <div
      ref={scroller}
      data-list="recordings"
      className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain [overflow-anchor:none]"
    >
      {widthPx > 0 && (
        <ul aria-label="Recordings" className="relative" style={{ height: `${rows.getTotalSize()}px` }}>
          {items.flatMap((item) =>
            recordings.slice(item.index * columns, (item.index + 1) * columns).map((recording, column) => {
              const place = {
                top: `${item.start}px`,
                left: asList ? '0' : `${gapPx + column * (tilePx + gapPx)}px`,
                width: asList ? '100%' : `${tilePx}px`,
              };
              const shared = { recording, open: recording.id === openId, href: addressOf(recording.id) };
              return (
                <li key={recording.id} className="absolute" style={place}>
                  {asList ? <Line {...shared} /> : <Tile {...shared} />}
                </li>
              );
            }),
          )}
        </ul>
      )}
    </div>
  );
}

interface OneProps {
  recording: RecordingView;
  open: boolean;
  href: string;
}

function Tile({ recording, open, href }: OneProps) {
  const nowMs = useNow(60_000);
  const at = recordedAt(recording);
  return (
    <Link href={href} aria-current={open ? 'true' : undefined} className="group flex flex-col gap-1.5">
      <span
        className={`block aspect-video overflow-hidden rounded border bg-tint ${open ? 'border-moves outline-2 outline-moves' : 'border-line group-hover:border-line-strong'}`}
      >
        <Thumbnail recording={recording} className="size-full" />
      </span>
      <span className="flex min-w-0 flex-col">
        <FileName name={recording.name} className="font-medium" />
        <span className="flex justify-between gap-2 text-12 text-ink-faint tabular-nums">
          <span className="truncate">{amountWords(recording)}</span>
          <time dateTime={new Date(at).toISOString()} title={exactMoment(at)} className="shrink-0">
            {moment(at, nowMs)}
          </time>
        </span>
      </span>
    </Link>
  );
}

function Line({ recording, open, href }: OneProps) {
  const nowMs = useNow(60_000);
  const at = recordedAt(recording);
  const { name, device, associateWith } = recording;
  return (
    <Link
      href={href}
      aria-current={open ? 'true' : undefined}
      className={`grid h-[52px] grid-cols-[72px_minmax(0,1fr)_minmax(0,180px)_130px_110px] items-center gap-x-4 border-b border-line px-4 @max-[760px]:grid-cols-[72px_minmax(0,1fr)_auto] ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}
    >
      <Thumbnail recording={recording} className="h-10 w-[71px] rounded" />
      <FileName name={name} className="font-medium" />
      <span className="truncate text-ink-soft @max-[760px]:hidden">
        {[device?.name, associateWith].filter((part) => part != null).join(' · ')}
      </span>
      <span className="text-right text-12 text-ink-soft tabular-nums @max-[760px]:hidden">
        {amountWords(recording)}
      </span>
      <time
        dateTime={new Date(at).toISOString()}
        title={exactMoment(at)}
        className="text-right text-12 text-ink-faint tabular-nums"
      >
        {moment(at, nowMs)}
      </time>
    </Link>
  );
}

const icons: Readonly<Record<RecordingView['kind'], IconName>> = {
  video: 'recordings',
  image: 'image',
  audio: 'sound',
  other: 'file',
};

/** The name beside it says what it is. */
function Thumbnail({ recording, className }: { recording: RecordingView; className: string }) {
  const [missing, setMissing] = useState(false);
  const thumbnail = thumbnailOf(recording);
  if (thumbnail === undefined || missing) {
    return (
      <span className={`flex items-center justify-center bg-tint text-ink-faint ${className}`}>
        <Icon name={icons[recording.kind]} className="size-5" />
      </span>
    );
  }
  return (
    <img
      src={thumbnail.url}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => setMissing(true)}
      className={`object-cover ${className}`}
    />
  );
}

function useInnerWidth(element: React.RefObject<HTMLElement | null>): number {
  const [widthPx, setWidthPx] = useState(0);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return;
    const observer = new ResizeObserver(() => setWidthPx(found.clientWidth));
    observer.observe(found);
    return () => observer.disconnect();
  }, [element]);
  return widthPx;
}
