/**
 * A program in one folder of bundles, packages and all: Node starts it in two thirds of the time that it takes to find and read
 * their files by the hundred. What is native, or looks for files of its own, stays outside.
 */
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/** `yaml` is CommonJS imported at need, of which esbuild makes a default export only. */
const OUTSIDE = ['lmdb', 'uWebSockets.js', 'pino', 'yaml', 'bufferutil', 'utf-8-validate'];

/** @param folder inside the server's, so that Node finds what stays outside; returns the program's path */
export async function bundleProgram(source: string, folder: string): Promise<string> {
  await build({
    entryPoints: [source],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    external: OUTSIDE,
    // Packages that are CommonJS ask for modules of Node.
    banner: {
      js: "import { createRequire as requiring } from 'node:module'; const require = requiring(import.meta.url);",
    },
    logLevel: 'error',
  });
  return join(folder, basename(source).replace(/\.ts$/, '.mjs'));
}
