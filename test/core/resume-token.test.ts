/** The rotating secret: a lost welcome locks nobody out, and a proof ends the old one (PROTOCOL §12). */
import { describe, expect, it } from 'vitest';
import { ResumeTokens } from '../../server/src/core/resume-token.ts';

describe('resume tokens', () => {
  it('accept the current one only', () => {
    const tokens = new ResumeTokens('a');
    expect(['a', 'b', ''].map((t) => tokens.accepts(t))).toEqual([true, false, false]);
  });

  it('accept the one just used and the new one, until the new one is proved', () => {
    const tokens = new ResumeTokens('a');
    tokens.rotate('a', 'b');
    expect(['a', 'b'].map((t) => tokens.accepts(t))).toEqual([true, true]);
    tokens.prove();
    expect(['a', 'b'].map((t) => tokens.accepts(t))).toEqual([false, true]);
  });

  it('survive any number of lost welcomes in a row', () => {
    const tokens = new ResumeTokens('a');
    for (const next of ['b', 'c', 'd']) {
      expect(tokens.accepts('a')).toBe(true);
      tokens.rotate('a', next);
    }
    expect(['a', 'b', 'c', 'd'].map((t) => tokens.accepts(t))).toEqual([true, true, true, true]);
    tokens.rotate('d', 'e');
    expect(['a', 'b', 'c', 'd', 'e'].map((t) => tokens.accepts(t))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('keep one that was handed out beside late hellos with the one before it, until a proof', () => {
    const tokens = new ResumeTokens('a');
    for (const next of ['b', 'c']) tokens.rotate('a', next);
    expect(['a', 'b', 'c'].map((t) => tokens.isCurrent(t))).toEqual([false, false, true]);
    tokens.rotate('b', 'd');
    expect(['a', 'b', 'c', 'd'].map((t) => tokens.accepts(t))).toEqual([false, true, true, true]);
    tokens.prove();
    expect(['a', 'b', 'c', 'd'].map((t) => tokens.accepts(t))).toEqual([false, false, false, true]);
  });

  it('are five at most: the one used stays, and the newest', () => {
    const tokens = new ResumeTokens('a');
    for (const next of ['b', 'c', 'd', 'e', 'f', 'g']) tokens.rotate('a', next);
    expect([...'abcdefg'].filter((t) => tokens.accepts(t))).toEqual(['a', 'd', 'e', 'f', 'g']);
  });
});
