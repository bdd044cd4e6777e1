// A place in a form: a folder of this machine, typed or picked, or the address of one elsewhere, with what such an address looks like.

import { useState } from 'react';
import { SelectField, TextField } from '../parts/fields.tsx';
import { FolderField } from './folder-field.tsx';
import type { PlaceInput } from './picked-path.ts';

const kinds = [
  ['folder', 'A folder here'],
  ['ssh', 'A host over SSH'],
  ['s3', 'An object store (S3)'],
  ['docker', 'A container'],
] as const;

type Kind = (typeof kinds)[number][0];

const addresses: Readonly<Record<Exclude<Kind, 'folder'>, { readonly example: string; readonly help: string }>> = {
  ssh: {
    example: 'ssh://root@gpu.example:22/workspace/outputs',
    help: 'The host has to be in known_hosts, and its key in an agent or in `ssh:` of wherry.yaml. No password is asked for.',
  },
  s3: {
    example: 's3://bucket/prefix',
    help: 'Keys and the address of the store stand in `s3:` of wherry.yaml or in the usual environment variables.',
  },
  docker: {
    example: 'docker://comfyui/app/output',
    help: 'The name of a container that runs, and a path in it; Podman’s containers, too.',
  },
};

interface PlaceFieldProps {
  label: string;
  value: PlaceInput;
  onChange: (value: PlaceInput) => void;
}

export function PlaceField({ label, value, onChange }: PlaceFieldProps) {
  const [kind, setKind] = useState<Kind>(() => kindOf(value.text));
  return (
    <div className="flex flex-col gap-2">
      <SelectField
        label={label}
        value={kind}
        options={kinds}
        onChange={(next) => {
          setKind(next);
          onChange({ text: '' });
        }}
      />
      {kind === 'folder' ? (
        <FolderField label={`${label}: folder`} value={value} onChange={onChange} />
      ) : (
        <>
          <TextField
            label={`${label}: address`}
            value={value.text}
            onChange={(text) => onChange({ text })}
            placeholder={addresses[kind].example}
          />
          <p className="text-12 text-ink-faint">{addresses[kind].help}</p>
        </>
      )}
    </div>
  );
}

function kindOf(text: string): Kind {
  return kinds.find(([kind]) => text.startsWith(`${kind}://`))?.[0] ?? 'folder';
}
