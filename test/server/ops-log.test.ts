/** The log: JSON lines without secrets, that no peer can forge. */
import { describe, expect, it } from 'vitest';
import { createLog, type LogLevel } from '../../server/src/ops/log.ts';

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
