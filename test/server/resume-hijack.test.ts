/** A5 of the reliability anchors: stolen, rotated, guessed and foreign resume tokens take over nobody's session. */
import { describe, expect, it } from 'vitest';
import { acceptedGuesses, principalOf, ResumeWorld, resumeOf } from './support/resume-guesses.ts';

describe('A5: a session', () => {
  it('is not had by 100,000 guesses', () => {
    expect(acceptedGuesses(100_000)).toBe(0);
  });

  it('is not had by a token that has been rotated away', () => {
    const world = new ResumeWorld();
    const alice = principalOf('alice');
    let { welcome } = world.open(alice);
    const { session } = welcome;
    const stolen: string[] = [];
    for (let i = 0; i < 50; i++) {
      stolen.push(welcome.resumeToken);
      const next = world.open(alice, resumeOf(session, welcome.resumeToken));
      expect(next.welcome).toMatchObject({ session, resumed: true });
      // Its client has shown that it has the new one.
      next.session.tokens.prove();
      welcome = next.welcome;
    }
    for (const token of stolen) {
      expect(world.open(alice, resumeOf(session, token)).welcome.resumed).toBe(false);
    }
    expect(world.open(alice, resumeOf(session, welcome.resumeToken)).welcome.resumed).toBe(true);
  });

  it('is not had with its token by another subject, another role, or another session’s id', () => {
    const world = new ResumeWorld();
    const { welcome } = world.open(principalOf('alice'));
    const other = world.open(principalOf('alice')).welcome;
    const resume = resumeOf(welcome.session, welcome.resumeToken);
    for (const [principal, asked] of [
      [principalOf('bob'), resume],
      [principalOf('Alice'), resume],
      [principalOf('alice', 'server'), resume],
      [principalOf('alice'), { ...resume, session: other.session }],
      [principalOf('alice'), { ...resume, session: '__proto__' }],
      [principalOf('alice'), { ...resume, token: '' }],
      [principalOf('alice'), { ...resume, token: other.resumeToken }],
    ] as const) {
      const { welcome: got } = world.open(principal, asked);
      expect(got.resumed).toBe(false);
      expect([welcome.session, other.session]).not.toContain(got.session);
    }
  });

  it('keeps no token, only its hash', () => {
    const world = new ResumeWorld();
    const { session, welcome } = world.open(principalOf('alice'));
    expect(welcome.resumeToken).toMatch(/^[\w-]{22}$/);
    expect(JSON.stringify(session.tokens)).not.toContain(welcome.resumeToken);
  });
});
