// Cleanup: old files at a source go once they are proven to stand elsewhere.

import { parseEndpoint } from '../../model/endpoint-url.ts';
import { pathText } from '../../model/path-text.ts';
import { faultView } from '../present.ts';
import { route } from '../route.ts';

export const cleanupRoutes = [
  route('cleanUp', async ({ body }, { engine, roots }, { signal }) => {
    if (parseEndpoint(body.endpoint).scheme === 'file') await roots.confine(body.endpoint);
    const { errors, files, ...result } = await engine.cleanUp(body, signal);
    return {
      ...result,
      errors: errors.map(faultView),
      files: files.map(({ path, sizeBytes }) => ({ ...pathText(path), sizeBytes })),
    };
  }),
];
