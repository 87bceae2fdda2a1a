/** The published SDK stands alone: packed, installed in a place that knows nothing of this repository, and used. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const elsewhere = mkdtempSync(join(tmpdir(), 'ringhub-sdk-'));
const installed = (path: string) => join(elsewhere, 'node_modules/@ringhub/client', path);
const run = (command: string, args: string[], cwd: string) => {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')}: ${(error as { stdout?: string }).stdout ?? error}`);
  }
};

const program = `
import * as client from '@ringhub/client';
import { connect } from '@ringhub/client';
import { topology } from '@ringhub/client/admin';
import { BinaryCodec } from '@ringhub/client/binary';
import { connect as connectCore } from '@ringhub/client/core';
import { history } from '@ringhub/client/history';
import { consume } from '@ringhub/client/queues';
const open: typeof client.connect = connect;
console.log(typeof open, typeof connectCore, typeof topology, typeof history, typeof BinaryCodec, typeof consume);
`;

beforeAll(() => {
  // Not built here: other tests that run at the same time serve and read the same folder.
  if (!existsSync(join(root, 'client-sdk/dist/index.d.ts')))
    throw new Error('the SDK is not built: node scripts/build.mjs client-sdk');
  run('npm', ['pack', '--workspace', 'client-sdk', '--pack-destination', elsewhere], root);
  const tarball = readdirSync(elsewhere).find((file) => file.endsWith('.tgz'));
  writeFileSync(join(elsewhere, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], elsewhere);
});

afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

describe('the packed SDK', () => {
  it('has no dependencies and ships no sources but its build', () => {
    const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8'));
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(readdirSync(join(elsewhere, 'node_modules/@ringhub'))).toEqual(['client']);
    expect(readdirSync(installed('.')).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  });

  // Library files are checked, too: an import that leads nowhere in a shipped declaration is an error.
  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('type-checks where module is %s', (module, moduleResolution) => {
    writeFileSync(join(elsewhere, 'program.ts'), program);
    const options = ['--strict', '--noEmit', '--types', '', '--target', 'es2022', '--lib', 'es2022,dom'];
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), ...options];
    run(
      process.execPath,
      [...tsc, '--module', module, '--moduleResolution', moduleResolution, 'program.ts'],
      elsewhere,
    );
  });

  it('runs', () => {
    writeFileSync(join(elsewhere, 'program.mjs'), program.replace(': typeof client.connect', ''));
    expect(run(process.execPath, ['program.mjs'], elsewhere)).toBe(
      'function function function function function function\n',
    );
  });
});
