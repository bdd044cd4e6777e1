// The console's own icons: 16 by 16, one stroke, drawn here so that nothing is fetched.

const drawings = {
  overview: 'M2.5 10a5.5 5.5 0 0 1 11 0M8 10l2.5-3M4 13h8',
  transfers: 'M2.5 5.5h9M9 3l2.5 2.5L9 8M13.5 10.5h-9M7 8l-2.5 2.5L7 13',
  jobs: 'M2.5 4h1M6 4h7.5M2.5 8h1M6 8h7.5M2.5 12h1M6 12h7.5',
  watches:
    'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6Z',
  storage:
    'M2.5 4c0-1 2.5-1.8 5.5-1.8S13.5 3 13.5 4v8c0 1-2.5 1.8-5.5 1.8S2.5 13 2.5 12ZM2.5 4c0 1 2.5 1.8 5.5 1.8S13.5 5 13.5 4M2.5 8c0 1 2.5 1.8 5.5 1.8S13.5 9 13.5 8',
  events: 'M1.5 8h3L6.5 3l3 10 2-5h3',
  settings: 'M2.5 4.5h6M11.5 4.5h2M10 3v3M2.5 11.5h2M7.5 11.5h6M6 10v3',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3l3.2 3.2',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6l7.5-4.8Z',
  retry: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2v2.8h-2.8',
  cancel: 'M4 4l8 8M12 4l-8 8',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5 6.5 12 13 4.5',
  proven: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM5.2 8.2l2 2 3.6-4.2',
  waits: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.8V8l2.2 1.6',
  needs: 'M8 2 14.5 13.5h-13ZM8 6.5v3.2M8 11.6v.1',
  queued: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM5 8v.01M8 8v.01M11 8v.01',
  moves: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM5 8h5.5M8.5 5.8 10.8 8 8.5 10.2',
  paused: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM6.5 6v4M9.5 6v4',
  cancelled: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM3.7 12.3l8.6-8.6',
  discovered: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 5v6M5 8h6',
  processing:
    'M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4',
  copy: 'M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3',
  arrow: 'M2.5 8h10.5M9.5 4.5 13 8l-3.5 3.5',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  folder: 'M1.8 12.8V3.5h4.4l1.5 1.8h6.5v7.5Z',
  file: 'M3.5 1.8h5.8l3.2 3.2v9.2h-9ZM9 2v3.3h3.3',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1.3v1.4M8 13.3v1.4M1.3 8h1.4M13.3 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M12.7 3.3l-1 1M4.3 11.7l-1 1',
  moon: 'M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7Z',
  system: 'M1.8 3h12.4v8H1.8ZM5.5 13.5h5M8 11v2.5',
  plus: 'M8 3v10M3 8h10',
  more: 'M3.5 8v.01M8 8v.01M12.5 8v.01',
  limit: 'M2.5 11a5.5 5.5 0 1 1 11 0M8 11V7.5',
  signOut: 'M6.5 2.5h-4v11h4M6.5 8h7M11 5.5 13.5 8 11 10.5',
  home: 'M2.5 7.5 8 2.8l5.5 4.7M4 6.5v6.7h8V6.5',
  key: 'M5 7.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM7.2 8.3l6-6M10.5 5l2 2',
  print: 'M4.5 6V2h7v4M4.5 11.5h-2v-5.5h11v5.5h-2M4.5 9.5h7V14h-7Z',
} as const;

export type IconName = keyof typeof drawings;

/** Decoration only: the word beside it, or the button's label, says what it means. */
export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      className={`size-4 shrink-0 ${className}`}
      viewBox="0 0 16 16"
      fill={name === 'play' ? 'currentcolor' : 'none'}
      stroke="currentcolor"
      strokeWidth={name === 'more' || name === 'queued' ? 1.8 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={drawings[name]} />
    </svg>
  );
}
