// How `wherry/react` is built: one module for other people's builds, which bring their own React.

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { licences } from '../licences.ts';

export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  plugins: [react(), licences().page],
  build: {
    outDir: '../../dist/react',
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    lib: { entry: 'wherry-react.ts', formats: ['es'], fileName: 'index' },
    rolldownOptions: { external: [/^react(\/|$)/, /^react-dom(\/|$)/] },
  },
});
