// A folder in a form: typed, or found by walking through the daemon's roots.

import { useState } from 'react';
import { Button } from '../parts/button.tsx';
import { FolderBrowser } from './folder-browser.tsx';
import type { PlaceInput } from './picked-path.ts';

interface FolderFieldProps {
  label: string;
  value: PlaceInput;
  onChange: (value: PlaceInput) => void;
  /** Shows the folders from the start. Default is `false`. */
  open?: boolean;
  disabled?: boolean;
}

export function FolderField({ label, value, onChange, open = false, disabled = false }: FolderFieldProps) {
  const [browsing, setBrowsing] = useState(open);
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-end gap-2">
        <label className="flex min-w-0 flex-1 flex-col gap-1">
          <span className="text-ink-soft">{label}</span>
          <input
            value={value.text}
            disabled={disabled}
            onChange={(event) => onChange({ text: event.target.value })}
            spellCheck={false}
            autoComplete="off"
            className="h-8 rounded border border-line-strong bg-surface px-2 font-mono text-12 disabled:bg-tint coarse:h-11 coarse:text-16"
          />
        </label>
        <Button
          icon="folder"
          className="h-8"
          aria-expanded={browsing}
          disabled={disabled}
          onClick={() => setBrowsing(!browsing)}
        >
          Browse
        </Button>
      </div>
      {browsing && (
        <FolderBrowser
          label="Folders to choose from"
          pick="folder"
          onFolder={(folder) => onChange({ text: folder.path, picked: folder })}
        />
      )}
    </div>
  );
}
