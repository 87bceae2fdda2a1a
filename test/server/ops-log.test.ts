/** The log: JSON lines without secrets, that no peer can forge. */
import { describe, expect, it } from 'vitest';
import { createLog, type LogLevel } from '../../server/src/ops/log.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNSAFE = /[<\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\u200e\u200f]/;

function setup(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = createLog(level, { write: (line: string) => void lines.push(line) });
  return { log, lines };
}

describe('the log', () => {
  it('writes one JSON object a line, with time and level by name', () => {
    const { log, lines } = setup();
    log.info({ port: 1 }, 'listening');
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'info',
      name: 'ringhub',
      port: 1,
      msg: 'listening',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  it('keeps control characters of a peer on the line, as escapes', () => {
    const { log, lines } = setup();
    log.warn({ client: 'x\n{"level":"fatal"}\r\u001b[31m\u0000' }, 'odd\nclient');
    expect(lines).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(lines[0]?.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
  });

  const HOSTILE = [
    ['line breaks', 'x\n{"level":"fatal"}\r\n'],
    ['what moves a terminal', '\u001b[31m\u009b2J\u0000\u0007\u007f'],
    ['markup', '<script>alert(1)</script><img src=x onerror=alert(1)>'],
    ['what turns text around', '\u202egnp.exe\u2066\u200f'],
    ['line separators', 'a\u2028b\u2029c'],
    ['half a surrogate pair', '\ud800'],
    ['a megabyte', 'é'.repeat(1_000_000)],
    ['a megabyte of controls', '\u0001'.repeat(1_000_000)],
  ] as const;

  it.each(HOSTILE)('X8: keeps %s of a peer on one bounded line, wherever they stand', (_, text) => {
    const { log, lines } = setup();
    log.warn({ client: text, deep: { er: [text], [text]: 1 } }, `refused: ${text}`);
    log.error({ err: new Error(text, { cause: new TypeError(text) }) }, 'a fault');
    log.info(
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${i}${text.slice(0, 5)}`, text])),
      'wide',
    );
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line.endsWith('}\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(UNSAFE);
      expect(line.isWellFormed()).toBe(true);
      expect(line.length).toBeLessThan(400_000);
      expect(() => JSON.parse(line)).not.toThrow();
    }
    const [first] = lines.map((line) => JSON.parse(line));
    if (text.length < 100) expect(first.client).toBe(text.toWellFormed());
    else expect(first.client).toMatch(/… \(1000000 characters\)$/);
  });

  it('tells an error by type, text, place and cause', () => {
    const { log, lines } = setup();
    log.error({ err: new RangeError('too far', { cause: new Error('why') }) }, 'a fault');
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      err: {
        type: 'RangeError',
        message: 'too far',
        stack: expect.stringContaining('ops-log.test'),
        cause: { message: 'why' },
      },
    });
  });

  it('leaves out what is called like a secret, however deep it stands', () => {
    const { log, lines } = setup();
    log.info(
      { a: { b: [{ refreshToken: 'abc', Cookie: 'abc', passphrase: 'abc' }] }, Authorization: 'abc' },
      'x',
    );
    expect(lines[0]).not.toContain('abc');
  });

  it('leaves out what is called like a secret', () => {
    const { log, lines } = setup();
    log.info({ token: 'abc', hello: { token: 'abc', resumeToken: 'abc', payload: 'abc' } }, 'hello');
    expect(lines[0]).not.toContain('abc');
  });

  it('writes nothing below its level', () => {
    const { log, lines } = setup('error');
    log.warn('passed over');
    expect(lines).toEqual([]);
  });
});
