// The man page as `man` shows it: without a complaint, with every verb and every option.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verbs } from '../../src/cli/verbs.ts';
import { repository } from './sources.ts';

test('man shows it without a complaint, and every verb and option is in it', () => {
  const shown = spawnSync('man', ['--warnings', '-l', join(repository, 'docs/man/wherry.1')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, MANWIDTH: '100', LC_ALL: 'C.UTF-8', MAN_KEEP_FORMATTING: '' },
  });
  expect(shown.stderr).toBe('');
  expect(shown.status).toBe(0);
  const text = shown.stdout.replace(/\s+/g, ' ');
  for (const { name, options, actions } of verbs) {
    expect(text).toContain(`wherry ${name}`);
    for (const option of options) expect(text).toContain(`--${option.name}`);
    for (const action of Object.keys(actions ?? {})) expect(text).toContain(action.replace('…', '...'));
  }
});
