import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultClientConditions, defineConfig } from 'vite';

/** One page per folder that has an index.html (and the index of pages itself, if there is one). */
const root = import.meta.dirname;
const pages = ['.', ...readdirSync(root)]
  .filter((folder) => folder !== 'dist')
  .map((folder) => join(root, folder, 'index.html'))
  .filter((page) => existsSync(page));

export default defineConfig({
  root,
  // Relative, so that the hub may serve the pages under any path.
  base: './',
  resolve: { conditions: ['source', ...defaultClientConditions] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2022', rolldownOptions: { input: pages } },
  logLevel: 'warn',
});
