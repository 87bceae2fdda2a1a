/** The secrets of the configuration: what is taken, and what keeps a hub from starting. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTokens } from '../../server/src/auth/configured-tokens.ts';

const GOOD = 'a-token-of-thirty-two-characters';

describe('configured tokens', () => {
  let folder: string;
  let file: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringhub-tokens-'));
    file = join(folder, 'token');
    writeFileSync(file, `${GOOD}-from-a-file\n`, { mode: 0o600 });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('come from the configuration or from files, without the line break at their end', () => {
    const read = readTokens([
      { token: GOOD, subject: 'app', role: 'server' },
      { tokenFile: file, subject: 'shop', role: 'browser' },
    ]);
    expect(read).toEqual({
      grants: [
        { token: GOOD, subject: 'app', role: 'server' },
        { token: `${GOOD}-from-a-file`, subject: 'shop', role: 'browser' },
      ],
      faults: [],
      warnings: [],
    });
  });

  it.each([
    ['too short', GOOD.slice(1), 'at least 32'],
    ['empty', '', 'at least 32'],
    ['with a space', `${GOOD} x`, 'printable'],
    ['with a line break', `${GOOD}\nx`, 'printable'],
  ])('are refused when %s, without being told', (_, token, text) => {
    const { grants, faults } = readTokens([{ token, subject: 'app', role: 'server' }]);
    expect(grants).toEqual([]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain('auth.tokens[0] (app)');
    expect(faults[0]).toContain(text);
    if (token !== '') expect(faults[0]).not.toContain(token);
  });

  it('are refused when two are the same: nobody could tell who is there', () => {
    const same = { token: GOOD, role: 'server' } as const;
    const { faults } = readTokens([
      { ...same, subject: 'a' },
      { ...same, subject: 'b' },
    ]);
    expect(faults).toEqual(['auth.tokens[1] (b): another entry has the same token']);
  });

  it('are refused when their file cannot be read', () => {
    const { faults } = readTokens([{ tokenFile: join(folder, 'nothing'), subject: 'a', role: 'server' }]);
    expect(faults[0]).toMatch(/cannot read .*nothing$/);
  });

  it.skipIf(process.platform === 'win32')('are warned about when everybody can read their file', () => {
    chmodSync(file, 0o644);
    const { grants, warnings } = readTokens([{ tokenFile: file, subject: 'a', role: 'server' }]);
    expect(grants).toHaveLength(1);
    expect(warnings[0]).toContain('chmod 600');
  });
});
