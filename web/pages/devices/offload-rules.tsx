// Rules by which devices are offloaded by themselves: what is taken, where it goes, what becomes of it. Read only: the configuration has them.

import type { OffloadSettingsView } from '../../../src/model/offload-views.ts';
import { ruleDeletes, ruleDevices, ruleTakes } from '../../words/devices.ts';

type Rule = OffloadSettingsView['rules'][number];

export function OffloadRules({ rules, settings }: { rules: readonly Rule[]; settings: OffloadSettingsView }) {
  return (
    <>
      <ul className="flex flex-col gap-3">
        {rules.map((rule) => (
          <li key={rule.name} className="flex flex-col gap-0.5 border-l-2 border-line-strong pl-3">
            <span className="font-medium">{rule.name}</span>
            <span className="text-ink-soft">
              {ruleDevices(rule)}. {ruleTakes(rule)}.
            </span>
            <span className="wrap-anywhere font-mono text-12 text-ink-soft">
              → {rule.downloadDir ?? settings.downloadDir}
            </span>
            <span className="text-12 text-ink-faint">
              {rule.pipeline === null ? 'Processed by the first pipeline that fits' : `Pipeline ${rule.pipeline}`}.{' '}
              {ruleDeletes(rule)}.{rule.associateWith === null ? '' : ` Key: ${rule.associateWith}.`}
            </span>
          </li>
        ))}
      </ul>
      <p className="mt-3 text-12 text-ink-faint">
        Set up under <code className="font-mono">offload:</code> in wherry.yaml; changed there.
      </p>
    </>
  );
}
