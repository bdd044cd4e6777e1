// One destination or several in a form.

import { type ReactNode, useState } from 'react';
import { Button, IconButton } from '../parts/button.tsx';
import { noPlace, type PlaceInput } from './picked-path.ts';

interface DestinationsFieldProps {
  value: readonly PlaceInput[];
  onChange: (value: readonly PlaceInput[]) => void;
  /** The field of one of them. */
  children: (label: string, value: PlaceInput, onChange: (value: PlaceInput) => void) => ReactNode;
}

export function DestinationsField({ value, onChange, children }: DestinationsFieldProps) {
  const isOnly = value.length === 1;
  // What a field shows beside its value (folders that are open) goes away with it, and with no other.
  const [keys, setKeys] = useState(() => value.map((_, at) => at));
  return (
    <div className="flex flex-col gap-3">
      {value.map((place, at) => (
        <div key={keys[at]} className="flex items-start gap-1">
          <div className="min-w-0 flex-1">
            {children(isOnly ? 'Destination' : `Destination ${at + 1}`, place, (next) =>
              onChange(value.with(at, next)),
            )}
          </div>
          {!isOnly && (
            <IconButton
              icon="close"
              label={`Leave out destination ${at + 1}`}
              className="mt-6"
              onClick={() => {
                setKeys(keys.toSpliced(at, 1));
                onChange(value.toSpliced(at, 1));
              }}
            />
          )}
        </div>
      ))}
      <Button
        icon="plus"
        className="self-start"
        onClick={() => {
          setKeys([...keys, Math.max(...keys) + 1]);
          onChange([...value, noPlace]);
        }}
      >
        One more destination
      </Button>
    </div>
  );
}
