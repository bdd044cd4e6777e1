// Shows a recording: a picture, sound, a video that plays from any moment, or a stream, for which the player is loaded only then.

import { useEffect, useRef, useState } from 'react';
import type { RecordingView } from '../../../src/model/recording-views.ts';
import { Icon } from '../../parts/icon.tsx';
import { showingOf, thumbnailOf } from '../../words/recordings.ts';

export function Player({ recording }: { recording: RecordingView }) {
  const showing = showingOf(recording);
  const poster = thumbnailOf(recording)?.url;
  const [broken, setBroken] = useState<string>();
  if (showing.kind === 'nothing') return <Note>{showing.why}</Note>;
  return (
    <figure className="bg-page">
      {showing.kind === 'image' && (
        <img
          src={showing.url}
          alt={recording.name}
          onError={() => setBroken('The picture cannot be read.')}
          className="mx-auto max-h-[26rem] w-full object-contain"
        />
      )}
      {showing.kind === 'audio' && (
        // biome-ignore lint/a11y/useMediaCaption: nobody has written down what a camera heard
        <audio src={showing.url} controls preload="metadata" aria-label={recording.name} className="w-full p-4" />
      )}
      {showing.kind === 'video' && (
        // biome-ignore lint/a11y/useMediaCaption: nobody has written down what a camera heard
        <video
          src={showing.url}
          poster={poster}
          controls
          playsInline
          preload="metadata"
          aria-label={recording.name}
          onError={() => setBroken('This browser cannot play it. A proxy can be made by the pipeline: h264-proxy.')}
          className="mx-auto max-h-[26rem] w-full"
        />
      )}
      {showing.kind === 'stream' && (
        <Stream url={showing.url} poster={poster} label={recording.name} onBroken={setBroken} />
      )}
      {broken === undefined ? (
        <figcaption className="px-4 py-1 text-12 text-ink-faint">Shows {showing.what}</figcaption>
      ) : (
        <Note>{broken}</Note>
      )}
    </figure>
  );
}

interface StreamProps {
  url: string;
  poster: string | undefined;
  label: string;
  onBroken: (why: string) => void;
}

function Stream({ url, poster, label, onBroken }: StreamProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    if (element.canPlayType('application/vnd.apple.mpegurl') !== '') {
      element.src = url;
      return;
    }
    let end: (() => void) | undefined;
    let gone = false;
    void import('hls.js/light').then(({ default: Hls }) => {
      if (gone) return;
      if (!Hls.isSupported()) {
        onBroken('This browser cannot play streams.');
        return;
      }
      // Without its worker: that would need a script from a blob, which the page's policy forbids.
      const player = new Hls({ enableWorker: false, autoStartLoad: false });
      player.on(Hls.Events.ERROR, (_, { fatal, details }) => {
        if (fatal) onBroken(`The stream cannot be played (${details}).`);
      });
      player.loadSource(url);
      player.attachMedia(element);
      const begin = () => player.startLoad();
      // Somebody may have asked before the player was here.
      if (element.paused) element.addEventListener('play', begin, { once: true });
      else begin();
      end = () => {
        element.removeEventListener('play', begin);
        player.destroy();
      };
    });
    return () => {
      gone = true;
      end?.();
    };
  }, [url, onBroken]);
  return (
    // biome-ignore lint/a11y/useMediaCaption: nobody has written down what a camera heard
    <video
      ref={video}
      poster={poster}
      controls
      playsInline
      preload="none"
      aria-label={label}
      className="mx-auto aspect-video max-h-[26rem] w-full"
    />
  );
}

function Note({ children }: { children: string }) {
  return (
    <p className="flex gap-2 bg-tint px-4 py-3 text-ink-soft">
      <Icon name="about" className="mt-0.5" />
      {children}
    </p>
  );
}
