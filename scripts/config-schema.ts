// Writes docs/wherry.schema.json, what editors know of wherry.yaml. A test compares it with the sources.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configJsonSchema } from '../src/config-schema.ts';

const file = fileURLToPath(new URL('../docs/wherry.schema.json', import.meta.url));
const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url));

writeFileSync(file, JSON.stringify(configJsonSchema()));
spawnSync(process.execPath, [biome, 'format', '--write', file], { stdio: 'inherit' });
