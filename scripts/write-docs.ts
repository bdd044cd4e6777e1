// `npm run docs`: writes the generated parts of the documents anew.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatedParts, withGeneratedParts } from './generated-docs.ts';

for (const name of Object.keys(generatedParts)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const before = readFileSync(path, 'utf8');
  const after = withGeneratedParts(name, before);
  if (after === before) continue;
  writeFileSync(path, after);
  process.stdout.write(`${name} written\n`);
}
