// `npm run docs`: writes the generated documents, and the generated parts of others, anew.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedDocuments, generatedParts, withGeneratedParts } from './generated-docs.ts';

for (const name of Object.keys(generatedParts)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const before = readFileSync(path, 'utf8');
  const after = withGeneratedParts(name, before);
  if (after === before) continue;
  writeFileSync(path, after);
  process.stdout.write(`${name} written\n`);
}

for (const [name, write] of Object.entries(generatedDocuments)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const text = write();
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  process.stdout.write(`${name} written\n`);
}
