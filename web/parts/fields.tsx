// Fields of forms: a labelled input, a check box, a choice of one.

import type { ReactNode } from 'react';

const box = 'rounded border border-line-strong bg-surface px-2 coarse:text-16';

interface TextFieldProps {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  /** Stands behind the field; the field then takes a number. */
  unit?: string;
  placeholder?: string;
}

export function TextField({ label, value, onChange, unit, placeholder }: TextFieldProps) {
  return (
    <label className="flex min-w-0 flex-1 flex-col gap-1">
      <span className="text-ink-soft">{label}</span>
      <span className="flex items-center gap-1.5">
        <input
          value={value}
          onChange={(event) => onChange(event.target.value)}
          inputMode={unit === undefined ? 'text' : 'decimal'}
          placeholder={placeholder}
          spellCheck={false}
          autoComplete="off"
          className={`h-8 w-full min-w-0 font-mono text-12 coarse:h-11 ${box} ${unit === undefined ? '' : 'text-right tabular-nums'}`}
        />
        {unit !== undefined && <span className="shrink-0 text-ink-faint">{unit}</span>}
      </span>
    </label>
  );
}

/** Several lines, for lists of globs or names. */
export function LinesField({ label, value, onChange, placeholder }: Omit<TextFieldProps, 'unit'>) {
  return (
    <label className="flex min-w-0 flex-1 flex-col gap-1">
      <span className="text-ink-soft">{label}</span>
      <textarea
        value={value}
        onChange={(event) => onChange(event.target.value)}
        rows={2}
        placeholder={placeholder}
        spellCheck={false}
        className={`resize-y py-1.5 font-mono text-12 ${box}`}
      />
    </label>
  );
}

interface CheckFieldProps {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function CheckField({ label, checked, onChange }: CheckFieldProps) {
  return (
    <label className="flex items-start gap-2 py-1">
      <input
        type="checkbox"
        className="mt-0.5 size-4 shrink-0 accent-(--ink)"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly (readonly [value: Value, label: string])[];
  onChange: (value: Value) => void;
}

export function SelectField<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
  return (
    <label className="flex min-w-0 flex-col gap-1">
      <span className="text-ink-soft">{label}</span>
      <select
        value={value}
        onChange={(event) => onChange(event.target.value as Value)}
        className={`h-8 w-full px-1.5 coarse:h-11 ${box}`}
      >
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** `value` may be none of the options: then nobody has chosen yet. */
export function RadioField<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
  return (
    <fieldset className="flex flex-col">
      <legend className="mb-1 text-ink-soft">{label}</legend>
      {options.map(([each, words]) => (
        <label key={each} className="flex items-start gap-2 py-1">
          <input
            type="radio"
            name={label}
            className="mt-0.5 size-4 shrink-0 accent-(--ink)"
            checked={each === value}
            onChange={() => onChange(each)}
          />
          <span>{words}</span>
        </label>
      ))}
    </fieldset>
  );
}
