/**
 * Builds what runs and what is published: the hub (server/dist), the SDK with its declarations
 * (client-sdk/dist) and the demo pages (demo/dist). Types are checked by `npm run types`, not here.
 */

import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const outfile = at('server/dist/main.js');
  const result = await bundle({
    ...common,
    entryPoints: [at('server/src/main.ts')],
    outfile,
    platform: 'node',
    external: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
  });
  refuseForeignCode(result.metafile, 'server/package.json does not list it as a dependency');
  chmodSync(outfile, 0o755);
}

async function buildSdk() {
  rmSync(at('client-sdk/dist'), { recursive: true, force: true });
  const result = await bundle({
    ...common,
    entryPoints: [at('client-sdk/src/index.ts')],
    outfile: at('client-sdk/dist/index.js'),
    platform: 'neutral',
  });
  refuseForeignCode(result.metafile, 'the SDK has no dependencies');
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

  const places = { 'client-sdk/src/': '', 'protocol/src/': 'protocol/' };
  for (const file of readdirSync(emitted, { recursive: true })) {
    const source = file.split(sep).join('/');
    if (!source.endsWith('.d.ts')) continue;
    const from = Object.keys(places).find((folder) => source.startsWith(folder));
    if (!from) throw new Error(`the SDK's declarations reach outside the SDK and the protocol: ${source}`);
    const target = places[from] + source.slice(from.length);
    const path = at('client-sdk/dist', target);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, rewriteSpecifiers(readFileSync(join(emitted, file), 'utf8'), target));
  }
}

/** `./x.ts` becomes `./x.js` (what every resolver understands); `@ringhub/protocol` becomes the shipped copy. */
function rewriteSpecifiers(text, file) {
  return text.replace(/\b(from |import\(|import )(['"])([^'"]+)\2/g, (whole, before, quote, specifier) => {
    let target = specifier;
    if (specifier === '@ringhub/protocol') {
      const path = posix.relative(posix.dirname(file), 'protocol/index.js');
      target = path.startsWith('.') ? path : `./${path}`;
    } else if (specifier.startsWith('.')) {
      target = specifier.replace(/\.ts$/, '.js');
    }
    return target === specifier ? whole : before + quote + target + quote;
  });
}

/** A package that slipped into a bundle is a dependency nobody declared. */
function refuseForeignCode(metafile, why) {
  const foreign = Object.keys(metafile.inputs).find((input) => input.includes('node_modules/'));
  if (foreign) throw new Error(`${foreign} was bundled, but ${why}`);
}

const parts = [
  { name: 'server', entry: 'server/src/main.ts', build: buildServer },
  { name: 'client-sdk', entry: 'client-sdk/src/index.ts', build: buildSdk },
  { name: 'demo', entry: 'demo', build: () => buildPages({ configFile: at('demo/vite.config.ts') }) },
];

async function buildPart({ name, entry, build }) {
  if (!existsSync(at(entry))) {
    console.log(`build ${name.padEnd(10)} skipped: no ${entry} yet`);
    return;
  }
  const startedAt = performance.now();
  await build();
  console.log(`build ${name.padEnd(10)} ${Math.round(performance.now() - startedAt)} ms`);
}

const results = await Promise.allSettled(parts.map(buildPart));
results.forEach((result, index) => {
  if (result.status === 'fulfilled') return;
  process.exitCode = 1;
  const { message, stdout } = result.reason;
  console.error(`build ${parts[index].name} FAILED: ${stdout || message}`);
});
