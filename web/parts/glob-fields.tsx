// Which files are meant, by globs: only these, and not these.

import { LinesField } from './fields.tsx';

interface GlobFieldsProps {
  /** One a line. */
  include: string;
  exclude: string;
  /** What `include` might be. */
  example: string;
  onChange: (change: { readonly include?: string; readonly exclude?: string }) => void;
}

export function GlobFields({ include, exclude, example, onChange }: GlobFieldsProps) {
  return (
    <>
      <LinesField
        label="Only these (globs, one a line; empty: all)"
        value={include}
        onChange={(text) => onChange({ include: text })}
        placeholder={example}
      />
      <LinesField
        label="Not these"
        value={exclude}
        onChange={(text) => onChange({ exclude: text })}
        placeholder="**/*.tmp"
      />
    </>
  );
}
