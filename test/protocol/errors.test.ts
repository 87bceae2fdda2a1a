import { readFileSync } from 'node:fs';
import {
  CLIENT_ERROR_CODES,
  ERRORS,
  type ErrorEntry,
  type ErrorName,
  errorOfCode,
  type Retry,
  retryOfCode,
} from '@ringhub/protocol';
import { describe, expect, test } from 'vitest';

const entries: [string, ErrorEntry][] = Object.entries(ERRORS);
const spec = readFileSync('protocol/PROTOCOL.md', 'utf8');
const bytes = (text: string) => new TextEncoder().encode(text).length;

/** The ranges of PROTOCOL §14: what may stand in each. */
const RANGES: { from: number; scopes: string[]; retries: Retry[] }[] = [
  { from: 4000, scopes: ['connection'], retries: ['resume'] },
  { from: 4100, scopes: ['connection'], retries: ['never', 'later'] },
  { from: 4200, scopes: ['session'], retries: ['resume'] },
  { from: 4300, scopes: ['command'], retries: ['never'] },
  { from: 4400, scopes: ['command'], retries: ['later'] },
  { from: 4500, scopes: ['command', 'session'], retries: ['never', 'later'] },
];

describe('the error table', () => {
  test.each(entries)('%s', (name, entry) => {
    expect(entry.name).toBe(name);
    const range = RANGES.find(({ from }) => entry.code >= from && entry.code < from + 100);
    expect(range, `${entry.code} is in no range`).toBeDefined();
    expect(range!.scopes).toContain(entry.scope);
    expect(range!.retries).toContain(entry.retry);
    // What a WebSocket close frame has room for (RFC 6455 §5.5: 125 bytes with the code).
    if (entry.scope !== 'command') expect(bytes(entry.text)).toBeLessThanOrEqual(123);
    expect(bytes(entry.text)).toBeLessThanOrEqual(150);
    expect(entry.text.startsWith(`${name}: `)).toBe(entry.code < 4500);
    expect(entry.text).not.toMatch(/\p{Cc}/u);
    expect(bytes(entry.name)).toBeLessThanOrEqual(40);
    expect(spec).toContain(`\n## ${entry.section} `);
    if (entry.code < 4500) expect(entry.http).toBeGreaterThanOrEqual(400);
    expect(entry.http).toBeLessThan(600);
    expect(errorOfCode(entry.code)).toBe(entry);
  });

  test('has the codes that a client knows by itself', () => {
    for (const [name, code] of Object.entries(CLIENT_ERROR_CODES))
      expect(ERRORS[name as ErrorName].code).toBe(code);
  });

  test('has every code once', () => {
    expect(new Set(entries.map(([, { code }]) => code)).size).toBe(entries.length);
  });

  test('has every name that PROTOCOL.md gives in backquotes as an error', () => {
    const named = [...spec.matchAll(/(?:refused|closes with|closed|is|error`) \(?`([a-z]+-[a-z-]+)`/g)].map(
      (m) => m[1]!,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in ERRORS))).toEqual([]);
  });
});

describe('what a close code asks for', () => {
  test.each(entries.filter(([, { scope, code }]) => scope !== 'command' && code < 4500))('%s', (_, entry) => {
    expect(retryOfCode(entry.code)).toBe(entry.retry);
  });

  test('codes of later versions, by range', () => {
    for (const code of [4000, 4099, 4200, 4299])
      expect(retryOfCode(code === 4000 ? 4090 : code)).toBe('resume');
    for (const code of [4150, 4199]) {
      expect(errorOfCode(code)).toBeUndefined();
      expect(retryOfCode(code)).toBe('never');
    }
  });

  test('codes that are not ours: reconnect and resume', () => {
    for (const code of [
      1000,
      1001,
      1005,
      1006,
      1011,
      1012,
      1013,
      3000,
      3999,
      4600,
      4999,
      0,
      -1,
      Number.NaN,
    ]) {
      expect(errorOfCode(code)).toBeUndefined();
      expect(retryOfCode(code)).toBe('resume');
    }
  });
});
