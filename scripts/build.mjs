/**
 * Builds what runs and what is published: the hub (server/dist), the SDK with its declarations
 * (client-sdk/dist) and the demo pages (demo/dist). Types are checked by `npm run types`, not here.
 * `node scripts/build.mjs [server|client-sdk|demo]…` builds only what is named.
 */

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { build as bundle } from 'esbuild';
import { build as buildPages } from 'vite';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const at = (...parts) => join(root, ...parts);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Options every bundle shares: workspace imports resolve to sources, so the protocol is bundled in. */
const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['source'],
  sourcemap: true,
  metafile: true,
  logLevel: 'error',
};

async function buildServer() {
  const manifest = readJson(at('server/package.json'));
  rmSync(at('server/dist'), { recursive: true, force: true });
  const result = await bundle({
    ...common,
    // The demo's workers are programs that the hub starts.
    entryPoints: { main: at('server/src/main.ts'), 'order-worker': at('demo/src/orders/worker.ts') },
    outdir: at('server/dist'),
    // The hub is a chunk of its own: commands that only talk to one start without it.
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    external: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
  });
  refuseForeignCode(result.metafile, 'server/package.json does not list it as a dependency');
  chmodSync(at('server/dist/main.js'), 0o755);
}

async function buildSdk() {
  rmSync(at('client-sdk/dist'), { recursive: true, force: true });
  const result = await bundle({
    ...common,
    // Two entries of one client: everywhere, and Node before 22, which borrows its WebSocket from `ws`. What few
    // pages need has entries of its own.
    entryPoints: ['index', 'node', 'admin', 'binary', 'core', 'history', 'queues', 'token'].map((name) =>
      at(`client-sdk/src/${name}.ts`),
    ),
    outdir: at('client-sdk/dist'),
    splitting: true,
    chunkNames: 'client-[hash]',
    external: ['ws'],
    platform: 'neutral',
  });
  refuseForeignCode(result.metafile, 'the SDK has no dependencies');
  // One file for pages without a build step; the hub serves it as /sdk/ringhub.js.
  await bundle({
    ...common,
    entryPoints: [at('client-sdk/src/index.ts')],
    outfile: at('client-sdk/dist/ringhub.min.js'),
    platform: 'browser',
    minify: true,
  });
  await emitSdkDeclarations();
}

/**
 * Ships the protocol's declarations inside the SDK, as a consumer has no `@ringhub/protocol` to look them up in:
 * client-sdk/src/** becomes dist/**, protocol/src/** becomes dist/protocol/**, and imports follow.
 */
async function emitSdkDeclarations() {
  const emitted = at('node_modules/.cache/client-sdk-declarations');
  rmSync(emitted, { recursive: true, force: true });
  await run(process.execPath, [
    at('node_modules/typescript/bin/tsc'),
    '-p',
    at('client-sdk/tsconfig.declarations.json'),
  ]);

  for (const file of readdirSync(emitted, { recursive: true })) {
    if (!file.endsWith('.d.ts')) continue;
    const source = file.split(sep).join('/');
    const path = at('client-sdk/dist', shippedPlace(source));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, rewriteSpecifiers(readFileSync(join(emitted, file), 'utf8'), source));
  }
}

/** Where a file of the SDK or the protocol is found in the SDK's dist. */
function shippedPlace(source) {
  if (source.startsWith('client-sdk/src/')) return source.slice('client-sdk/src/'.length);
  if (source.startsWith('protocol/src/')) return source.replace('protocol/src/', 'protocol/');
  throw new Error(`the SDK's declarations reach outside the SDK and the protocol: ${source}`);
}

/** Points the imports of a declaration file to the shipped places, as `./x.js`, which every resolver understands. */
function rewriteSpecifiers(text, source) {
  const from = posix.dirname(shippedPlace(source));
  return text.replace(/\b(from |import\(|import )(['"])([^'"\n]+)\2/g, (whole, before, quote, specifier) => {
    const target =
      specifier === '@ringhub/protocol'
        ? 'protocol/src/index.ts'
        : specifier.startsWith('.') && posix.join(posix.dirname(source), specifier);
    if (!target) return whole;
    const path = posix.relative(from, shippedPlace(target)).replace(/\.ts$/, '.js');
    return `${before}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
  });
}

const buildDemo = () => buildPages({ configFile: at('demo/vite.config.ts') });

/** A package that slipped into a bundle is a dependency nobody declared. */
function refuseForeignCode(metafile, why) {
  const foreign = Object.keys(metafile.inputs).find((input) => input.includes('node_modules/'));
  if (foreign) throw new Error(`${foreign} was bundled, but ${why}`);
}

const parts = [
  { name: 'server', build: buildServer },
  { name: 'client-sdk', build: buildSdk },
  { name: 'demo', build: buildDemo },
];

async function buildPart({ name, build }) {
  const startedAt = performance.now();
  try {
    await build();
    console.log(`build ${name.padEnd(10)} ${Math.round(performance.now() - startedAt)} ms`);
  } catch (error) {
    process.exitCode = 1;
    console.error(`build ${name.padEnd(10)} FAILED: ${error.stdout || error.message}`);
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(
    `build: no part named ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
await Promise.all(parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name)).map(buildPart));
