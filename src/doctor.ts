// `wherry doctor`: looks at everything that Wherry needs on this machine, and says of each thing how it is and what to do.

import { checkConfig, findConfigFile, loadSettings, type SettingFlags, type Settings } from './config.ts';
import { examineFolders } from './doctor-folders.ts';
import { examineMachine } from './doctor-machine.ts';
import { examinePlaces } from './doctor-places.ts';
import { examineService } from './doctor-service.ts';
import { asFault } from './model/fault.ts';
import { displayPath } from './model/names.ts';

export interface Finding {
  /** What was looked at; programs may rely on these words. */
  readonly check:
    | 'node'
    | 'modules'
    | 'tool'
    | 'system'
    | 'config'
    | 'data'
    | 'folder'
    | 'clock'
    | 'ssh'
    | 's3'
    | 'docker'
    | 'sink'
    | 'tls'
    | 'listen'
    | 'daemon';
  /** `warning`: it works, but not as well as it could. `problem`: something will not work. */
  readonly state: 'ok' | 'warning' | 'problem';
  /** One sentence; names in it are display forms. */
  readonly text: string;
  /** What to do; there unless the state is `ok`. */
  readonly remedy?: string;
}

/** Writes nothing but a hidden folder in each place that is to be written to, and takes it away again. Never rejects. */
export async function* examine(flags: SettingFlags, version: string): AsyncIterable<Finding> {
  yield* examineMachine();
  let settings: Settings | undefined;
  for (const finding of await examineConfig(flags)) {
    if ('settings' in finding) settings = finding.settings;
    else yield finding;
  }
  if (settings === undefined) return;
  yield* examineFolders(settings);
  yield* examinePlaces(settings);
  yield* examineService(settings, version);
}

async function examineConfig(flags: SettingFlags): Promise<readonly (Finding | { readonly settings: Settings })[]> {
  const remedy = 'Correct the named place; `wherry config check` looks again.';
  try {
    const file = findConfigFile(flags.config);
    if (file !== null) {
      const { problems } = await checkConfig(file);
      if (problems.length > 0) {
        return problems.map((text) => ({ check: 'config', state: 'problem', text, remedy }) as const);
      }
    }
    const settings = await loadSettings(flags);
    const text =
      file === null ? 'There is no configuration; all settings have their defaults.' : `${displayPath(file)} is well.`;
    return [{ check: 'config', state: 'ok', text }, { settings }];
  } catch (error) {
    return [{ check: 'config', state: 'problem', text: asFault(error).message, remedy }];
  }
}
