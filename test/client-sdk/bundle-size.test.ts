import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it.each([
  ['the core of the client', 'core', 10 * 1024],
  ['the client with both codecs', 'index', 13.25 * 1024],
])('%s, minified and compressed, is at most what decision 0011 says', async (what, entry, maxBytes) => {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, `../../client-sdk/src/${entry}.ts`)],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['source'],
  });
  const text = outputFiles[0]!.contents;
  const bytes = gzipSync(text, { level: 9 }).length;
  console.log(`${what}: ${text.length} bytes minified, ${bytes} bytes gzip (limit ${maxBytes})`);
  expect(bytes).toBeLessThanOrEqual(maxBytes);
});
