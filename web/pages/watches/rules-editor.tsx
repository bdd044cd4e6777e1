// The rules that place files, and a dry test of them on names: the first rule that fits says where a file goes.

import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { PlacementTest } from '../../../src/model/watch-views.ts';
import { api } from '../../api.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { LinesField, TextField } from '../../parts/fields.tsx';
import type { RuleField, WatchForm } from './watch-form.ts';
import { globsOf, newRule, rulesOf } from './watch-form.ts';

interface RulesEditorProps {
  form: WatchForm;
  onChange: (rules: readonly RuleField[]) => void;
}

export function RulesEditor({ form, onChange }: RulesEditorProps) {
  const { rules } = form;
  const change = (key: number, to: Partial<RuleField>) =>
    onChange(rules.map((rule) => (rule.key === key ? { ...rule, ...to } : rule)));
  return (
    <div className="flex flex-col gap-3">
      <p className="text-ink-soft">
        {rules.length === 0
          ? 'Below the destination as below the source. Rules change that.'
          : 'The first rule that fits counts; a file that fits none goes to OTHER.'}
      </p>
      {rules.map((rule, at) => (
        <fieldset key={rule.key} aria-label={`Rule ${at + 1}`} className="flex items-end gap-1.5">
          <select
            aria-label="Kind of pattern"
            value={rule.kind}
            onChange={(event) => change(rule.key, { kind: event.target.value as RuleField['kind'] })}
            className="h-8 shrink-0 rounded border border-line-strong bg-surface px-1 coarse:h-11"
          >
            <option value="match">Glob</option>
            <option value="regex">Regex</option>
          </select>
          <TextField
            label="Files"
            value={rule.pattern}
            placeholder={rule.kind === 'match' ? '*.mxf' : '^reel-(\\d+)/'}
            onChange={(pattern) => change(rule.key, { pattern })}
          />
          <TextField
            label="Go to"
            value={rule.to}
            placeholder="{date:YYYY-MM-DD}/{name}"
            onChange={(to) => change(rule.key, { to })}
          />
          <IconButton
            icon="close"
            label={`Remove rule ${at + 1}`}
            onClick={() => onChange(rules.filter((each) => each.key !== rule.key))}
          />
        </fieldset>
      ))}
      <Button icon="plus" className="self-start" onClick={() => onChange([...rules, newRule()])}>
        {rules.length === 0 ? 'Add a rule' : 'One more rule'}
      </Button>
      <DryTest form={form} />
    </div>
  );
}

function DryTest({ form }: { form: WatchForm }) {
  const [names, setNames] = useState('reel-17/A001_C003.mxf');
  const asked = useDeferredValue({
    rules: rulesOf(form.rules),
    names: globsOf(names),
    include: globsOf(form.include),
    exclude: globsOf(form.exclude),
  });
  const { data, error } = useQuery({
    queryKey: ['rules', asked],
    queryFn: ({ signal }) => api.call('testRules', { body: asked }, { signal }),
    enabled: asked.names.length > 0,
    placeholderData: (before) => before,
    retry: false,
  });
  return (
    <div className="flex flex-col gap-2">
      <LinesField label="Try it on these names, one a line" value={names} onChange={setNames} />
      {error !== null && (
        <p role="alert" className="text-needs">
          {asFault(error).message}
        </p>
      )}
      {error === null && data !== undefined && (
        <ul aria-label="Where they would go" className="flex flex-col gap-1 text-12">
          {data.rows.map((row) => (
            <li key={row.name} className="wrap-anywhere">
              <span className="font-mono">{row.name}</span>
              <Outcome row={row} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Outcome({ row }: { row: PlacementTest }) {
  if (row.error !== null) return <span className="text-needs"> {row.error.message}</span>;
  if (row.ignored !== null) return <span className="text-waits"> is left alone: {row.ignored}</span>;
  return (
    <>
      {' → '}
      <span className="font-mono">{row.to?.path ?? ''}</span>
      {row.rule !== null && <span className="text-ink-faint"> (rule {row.rule})</span>}
    </>
  );
}
