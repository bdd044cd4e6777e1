// How the console is built: everything self-hosted and from files, so that a strict content security policy holds.

import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { licences } from './licences.ts';

const { workers, page } = licences();

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwind(), page],
  worker: { format: 'es', plugins: () => [workers] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    target: 'es2022',
  },
  server: { proxy: { '/api': 'http://127.0.0.1:7373', '/socket.io': { target: 'http://127.0.0.1:7373', ws: true } } },
});
