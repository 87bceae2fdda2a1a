import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const MAX_BYTES = 10 * 1024;

it('the client for browsers, minified and compressed, is at most 10 KiB', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../../client-sdk/src/index.ts')],
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
  console.log(`client SDK: ${text.length} bytes minified, ${bytes} bytes gzip (limit ${MAX_BYTES})`);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
});
