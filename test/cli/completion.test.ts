// Completion as bash, zsh and fish do it: what the keys lead to, seen in the shells themselves.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bashCompletion, fishCompletion, zshCompletion } from '../../src/cli/completion-scripts.ts';
import { verbs } from '../../src/cli/verbs.ts';
import { openBench } from './command.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-completion-'));
  mkdirSync(join(folder, 'place'));
  writeFileSync(join(folder, 'plain file'), '');
  writeFileSync(join(folder, 'bash'), bashCompletion(verbs));
  writeFileSync(join(folder, 'zsh'), zshCompletion(verbs));
  writeFileSync(join(folder, 'fish'), fishCompletion(verbs));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Types each line with a Tab into a shell on a pseudo-terminal (zsh has those) and asks what the line has become. */
function typed(shell: string, setup: string, lines: readonly string[]): string[] {
  const driver = `
    zmodload zsh/zpty
    zpty shell ${shell}
    zpty -w shell "$SETUP"
    zpty -r shell seen '*rea''dy*'
    for line in "$@"; do
      zpty -w -n shell "$line"$'\\t\\x18'
      zpty -r shell seen '*<<*>>*'
      print -r -- "\${\${seen##*<<}%%>>*}"
      zpty -w -n shell $'\\x15'
    done
    zpty -d shell`;
  const ran = spawnSync('zsh', ['-f', '-c', driver, 'zsh', ...lines], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 25_000,
    env: { ...process.env, HOME: folder, TERM: 'dumb', SETUP: setup },
  });
  expect(ran.stderr).toBe('');
  return ran.stdout.trimEnd().split('\n');
}

/** What is typed, what one Tab makes of it, and what fish offers for its last word. */
const cases: readonly (readonly [line: string, whole: string, offer: string])[] = [
  ['wherry cop', 'wherry copy ', 'copy'],
  ['wherry copy --dry', 'wherry copy --dry-run ', '--dry-run'],
  ['wherry copy --conflict new', 'wherry copy --conflict newer ', 'newer'],
  ['wherry copy --data pla', 'wherry copy --data place/', 'place/'],
  ['wherry copy plac', 'wherry copy place/', 'place/'],
  ['wherry copy plai', 'wherry copy plain\\ file ', 'plain file'],
  ['wherry jobs sh', 'wherry jobs show ', 'show'],
  ['wherry jobs ls --state part', 'wherry jobs ls --state partial ', 'partial'],
  ['wherry token create --sc', 'wherry token create --scope ', '--scope'],
  ['wherry completion fi', 'wherry completion fish ', 'fish'],
  ['wherry jobs show pla', 'wherry jobs show pla', ''],
];
const words = cases.map(([line]) => line);
const wanted = cases.map(([, line]) => line);
const noScript = [words[0] ?? ''];

describe('one Tab leads to what is meant', () => {
  test('in bash', () => {
    const setup = `bind -x '"\\C-x": printf "<<%s>>" "$READLINE_LINE"'; bind 'set enable-bracketed-paste off'; PS1=`;
    const shell = 'bash --norc --noprofile -i';
    expect(typed(shell, `${setup}; source ./bash; echo rea""dy`, words)).toEqual(wanted);
    expect(typed(shell, `${setup}; echo rea""dy`, noScript)).toEqual(noScript);
  });

  test('in zsh', () => {
    const setup =
      'PS1=; autoload -Uz compinit; compinit -D -u; zle_show() { printf "<<%s>>" "$BUFFER" }; zle -N zle_show; bindkey "^X" zle_show';
    const shell = 'zsh -f -i';
    expect(typed(shell, `${setup}; source ./zsh; echo rea""dy`, words)).toEqual(wanted);
    expect(typed(shell, `${setup}; echo rea""dy`, noScript)).toEqual(noScript);
  });

  test('in fish', () => {
    const completions = (line: string, script = 'source ./fish;') => {
      const ran = spawnSync('fish', ['--no-config', '-c', `${script} complete -C ${JSON.stringify(line)}`], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, HOME: folder },
      });
      expect(ran.stderr).toBe('');
      return ran.stdout
        .split('\n')
        .filter((found) => found !== '')
        .map((found) => found.split('\t')[0]);
    };
    for (const [line, , offer] of cases) expect(completions(line), line).toEqual(offer === '' ? [] : [offer]);
    expect(completions('wherry cop', '')).toEqual([]);
  });
});

test('every verb and every option is in every script', () => {
  for (const script of [bashCompletion(verbs), zshCompletion(verbs), fishCompletion(verbs)]) {
    for (const { name, options } of verbs) {
      expect(script).toContain(name);
      for (const option of options) expect(script).toMatch(new RegExp(`(--| -l )${option.name}\\b`));
    }
  }
});

test('the verb prints them, and takes no other shell', async () => {
  const bench = openBench();
  try {
    expect(await bench.run('completion', 'zsh')).toMatchObject({ code: 0, out: zshCompletion(verbs), err: '' });
    expect(await bench.run('completion', 'tcsh')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/tcsh.*bash\|zsh\|fish/),
    });
    expect(await bench.run('completion')).toMatchObject({ code: 2, out: '' });
  } finally {
    await bench.close();
  }
});
