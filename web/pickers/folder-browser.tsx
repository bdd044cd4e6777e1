// Walks through the folders that the daemon may use, and picks files and folders there.

import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../src/model/fault.ts';
import { api } from '../api.ts';
import { Button, IconButton } from '../parts/button.tsx';
import { FileName } from '../parts/file-name.tsx';
import { Icon } from '../parts/icon.tsx';
import { size } from '../words/amounts.ts';
import type { PickedPath } from './picked-path.ts';
import { keyOf } from './picked-path.ts';

interface FolderBrowserProps {
  label: string;
  /** `several`: check files and folders. `folder`: the folder that is shown is the choice. */
  pick: 'several' | 'folder';
  picked?: ReadonlyMap<string, PickedPath>;
  onToggle?: (entry: PickedPath) => void;
  onFolder?: (folder: PickedPath) => void;
}

export function FolderBrowser({ label, pick, picked, onToggle, onFolder }: FolderBrowserProps) {
  const [at, setAt] = useState<PickedPath>();
  const { data, error, isPending, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['browse', at === undefined ? '' : keyOf(at)],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call(
        'browse',
        {
          query: {
            limit: 500,
            ...(at === undefined ? {} : at.pathBytes === undefined ? { path: at.path } : { pathBytes: at.pathBytes }),
            ...(pageParam === '' ? {} : { cursor: pageParam }),
          },
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextCursor,
  });
  const enter = (folder: PickedPath | undefined) => {
    setAt(folder);
    if (folder !== undefined) onFolder?.(folder);
  };
  const rows = data?.pages.flatMap((page) => page.rows) ?? [];
  const shown = pick === 'folder' ? rows.filter((row) => row.kind === 'folder') : rows;
  const parent = data?.pages[0]?.parent ?? undefined;
  return (
    <fieldset aria-label={label} className="min-w-0 rounded border border-line-strong">
      <div className="flex items-center gap-1 border-b border-line p-1">
        <IconButton icon="home" label="All roots" disabled={at === undefined} onClick={() => enter(undefined)} />
        <IconButton
          icon="up"
          label="One folder up"
          disabled={at === undefined}
          onClick={() => enter(parent === undefined || parent === null ? undefined : { ...parent, kind: 'folder' })}
        />
        <span className="min-w-0 flex-1 truncate px-1 font-mono text-12" title={at?.path} dir="auto">
          {at?.path ?? 'Folders that the daemon may use'}
        </span>
      </div>
      <ul className="h-56 overflow-y-auto overscroll-contain py-1">
        {shown.map((row) => {
          const checked = picked?.has(keyOf(row)) ?? false;
          return (
            <li key={keyOf(row)} className="flex h-8 items-center gap-2 pr-3 pl-2 hover:bg-tint coarse:h-11">
              {pick === 'several' && (
                <input
                  type="checkbox"
                  className="size-4 shrink-0 accent-(--ink)"
                  aria-label={`Pick ${row.name}`}
                  checked={checked}
                  onChange={() => onToggle?.({ path: row.path, pathBytes: row.pathBytes, kind: row.kind })}
                />
              )}
              {row.kind === 'folder' ? (
                <button
                  type="button"
                  className="flex min-w-0 flex-1 items-center gap-2 self-stretch text-left"
                  onClick={() => enter({ path: row.path, pathBytes: row.pathBytes, kind: 'folder' })}
                >
                  <Icon name="folder" className="text-ink-soft" />
                  <FileName name={row.name} className="flex-1" />
                  <Icon name="right" className="text-ink-faint" />
                </button>
              ) : (
                <span className="flex min-w-0 flex-1 items-center gap-2">
                  <Icon name="file" className="text-ink-faint" />
                  <FileName name={row.name} className="flex-1" />
                  <span className="shrink-0 text-12 text-ink-faint tabular-nums">
                    {row.sizeBytes === null ? '' : size(row.sizeBytes)}
                  </span>
                </span>
              )}
            </li>
          );
        })}
        {isPending && <li className="px-3 py-1 text-ink-faint">Reading…</li>}
        {error !== null && <li className="px-3 py-1 text-needs">{asFault(error).message}</li>}
        {!isPending && error === null && shown.length === 0 && (
          <li className="px-3 py-1 text-ink-faint">{emptyText(at === undefined, pick)}</li>
        )}
        {hasNextPage && (
          <li className="px-2 py-1">
            <Button onClick={() => void fetchNextPage()}>Show more</Button>
          </li>
        )}
      </ul>
    </fieldset>
  );
}

function emptyText(atRoots: boolean, pick: FolderBrowserProps['pick']): string {
  if (atRoots) return 'No folder is open to the console. Name some under `roots:` in wherry.yaml.';
  return pick === 'folder' ? 'No folders in here.' : 'This folder is empty.';
}
