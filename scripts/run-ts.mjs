/**
 * `node scripts/run-ts.mjs file.ts args…` runs a TypeScript file (Node 20 cannot): it is bundled into
 * node_modules/.cache and imported into this very process, so signals, exit code and Node's own flags
 * (`node --expose-gc scripts/run-ts.mjs …`) behave as if Node had run the file.
 *
 * In the file, `import.meta.dirname` is the bundle's folder: find files from `process.cwd()` instead.
 */

import { rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, stop } from 'esbuild';

const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error('usage: node scripts/run-ts.mjs file.ts args…');
  process.exit(2);
}

/**
 * Bundles workspace packages from source and leaves all others to Node, each at the place where its importer
 * finds it: the root and a workspace may hold different versions of one package.
 */
const externalPackages = {
  name: 'external-packages',
  setup({ onResolve, resolve: find }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind === 'entry-point' || pluginData === 'found' || path.startsWith('@ringhub/')) return undefined;
      if (path.startsWith('node:')) return { path, external: true };
      const found = await find(path, { kind, resolveDir, pluginData: 'found' });
      // Not installed (an optional part): let the import fail, or be caught, when it runs.
      return { path: found.errors.length > 0 ? path : found.path, external: true };
    });
  },
};

const cache = resolve(import.meta.dirname, '../node_modules/.cache/run-ts');
const outfile = join(cache, `${basename(file, '.ts')}-${process.pid}.mjs`);
await build({
  entryPoints: [resolve(file)],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  sourcemap: 'inline',
  plugins: [externalPackages],
  logLevel: 'error',
}).catch(() => process.exit(1));
await stop();

process.on('exit', () => rmSync(outfile, { force: true }));
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], resolve(file), ...args];
await import(pathToFileURL(outfile).href);
