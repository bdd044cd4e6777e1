// While the console is built: gathers the licences of every package whose code goes into it, as `licences.txt` beside it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, Rolldown } from 'vite';

const licenceFile = /^(licen[cs]e|copying|notice)(\.|-|$)/i;

/** For the workers, which are built first, by themselves; for the page, which then writes the file. */
export function licences(): { readonly workers: Plugin; readonly page: Plugin } {
  const folders = new Set<string>();
  const gather = (bundle: Rolldown.OutputBundle) => {
    for (const part of Object.values(bundle)) {
      if (part.type !== 'chunk') continue;
      for (const path of Object.keys(part.modules)) {
        const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replaceAll('\0', ''))?.[0];
        if (folder !== undefined) folders.add(folder);
      }
    }
  };
  const workers: Plugin = {
    name: 'wherry-worker-licences',
    apply: 'build',
    generateBundle: (_, bundle) => gather(bundle),
  };
  const page: Plugin = {
    name: 'wherry-licences',
    apply: 'build',
    generateBundle(_, bundle) {
      gather(bundle);
      const texts = [...folders].sort((a, b) => a.localeCompare(b)).flatMap((folder) => licenceOf(folder));
      if (texts.length === 0) throw new Error('No licence was found of what the console is made of.');
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join(`\n${'='.repeat(80)}\n\n`) });
    },
  };
  return { workers, page };
}

function licenceOf(folder: string): string[] {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return [];
  const { name, version, license } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string | undefined>;
  const files = readdirSync(folder).filter((file) => licenceFile.test(file));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [[`${name} ${version} (${license ?? 'licence not named'})`, ...texts].join('\n\n').concat('\n')];
}
