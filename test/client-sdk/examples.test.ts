/** The examples of the SDK's docstrings: each type-checks, and runs against a hub. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as client from '@ringhub/client';
import * as admin from '@ringhub/client/admin';
import * as binary from '@ringhub/client/binary';
import * as core from '@ringhub/client/core';
import * as history from '@ringhub/client/history';
import * as queues from '@ringhub/client/queues';
import * as token from '@ringhub/client/token';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHub, startHub } from '../../server/src/index.ts';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'client-sdk/src');
/** For pages, which have a WebSocket. */
const connectAsPage: typeof core.connect = (url, options) =>
  core.connect(url, { ...options, WebSocket: WebSocket as never });
const modules = {
  '@ringhub/client': client,
  '@ringhub/client/admin': admin,
  '@ringhub/client/binary': binary,
  '@ringhub/client/core': { ...core, connect: connectAsPage },
  '@ringhub/client/history': history,
  '@ringhub/client/queues': queues,
  '@ringhub/client/token': token,
};

/** `[where, code]` of every ```ts block that stands in a comment. */
const examples = readdirSync(sources).flatMap((file) => {
  const blocks = readFileSync(join(sources, file), 'utf8').matchAll(/^ *\* ```ts\n([\s\S]*?)^ *\* ```$/gm);
  return [...blocks].map(([, text], index): [string, string] => [
    `${file.replace('.ts', '')}-${index + 1}`,
    text!.replace(/^ *\* ?/gm, ''),
  ]);
});

describe('the examples of the docstrings', () => {
  let hub: RunningHub;
  const data = mkdtempSync(join(tmpdir(), 'ringhub-examples-'));
  beforeAll(async () => {
    hub = await startHub({ data });
  });
  afterAll(async () => {
    await hub.close();
    rmSync(data, { recursive: true });
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(6);
  });

  it('type-check', () => {
    const folder = join(root, 'node_modules/.cache/sdk-examples');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, code] of examples) {
      const declared = 'declare const url: string;\ndeclare const token: string;\n';
      writeFileSync(join(folder, `${name}.ts`), `${code}\n${declared}export {};\n`);
    }
    const compilerOptions = { lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'] };
    const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    let output = '';
    try {
      execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    } catch (error) {
      output = String((error as { stdout: Buffer }).stdout);
    }
    expect(output).toBe('');
  });

  it.each(examples)('run: %s', async (_, code) => {
    const { code: script } = await transform(code, { loader: 'ts', target: 'es2022' });
    const body = script.replaceAll(
      /import (\{.*?\}) from ["'](@ringhub\/client[\w/]*)["'];/g,
      'const $1 = modules["$2"];',
    );
    const AsyncFunction = (async () => {}).constructor as new (
      ...code: string[]
    ) => (...args: unknown[]) => Promise<void>;
    const quiet = { log: () => {} };
    const example = new AsyncFunction('modules', 'url', 'token', 'console', body);
    await example(modules, hub.url, hub.token, quiet);
    await expect.poll(() => hub.stats().connections).toBe(0);
  });
});
