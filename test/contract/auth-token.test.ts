/** Auth by known tokens, as a dev hub and as a configured one have it. */
import { describe, expect, it } from 'vitest';
import { devAuth, TokenAuth } from '../../server/src/auth/token-auth.ts';
import type { Principal } from '../../server/src/ports/auth.ts';
import { authSuite } from './auth-suite.ts';

const GRANTS = [
  { token: 'Secret-of-the-application-server-1', subject: 'app', role: 'server' },
  { token: 'Secret-of-the-pages-of-the-shop-12', subject: 'shop', role: 'browser' },
  { token: 'Secret-of-nobody-in-particular-123', subject: 'guest', role: 'anonymous' },
] as const;

authSuite('dev', () => ({
  auth: devAuth('Only-Token'),
  known: [{ token: 'Only-Token', subject: 'dev', role: 'dev' }],
}));

authSuite('token', () => ({ auth: new TokenAuth('tokens', GRANTS), known: GRANTS }));

describe('a role', () => {
  const auth = new TokenAuth('tokens', GRANTS);
  const of = (index: number) => auth.authenticate(GRANTS[index]?.token) as Principal;

  it('dev may do everything', () => {
    const dev = devAuth('t').authenticate('t') as Principal;
    for (const action of ['publish', 'subscribe', 'declare', 'bind', 'delete', 'admin'] as const) {
      expect(dev.may(action, 'hub.events', '#')).toBe(true);
    }
  });

  it('server may do everything too', () => {
    expect(of(0).may('declare', 'orders', '')).toBe(true);
    expect(of(0).may('subscribe', 'hub.events', '#')).toBe(true);
  });

  it('browser publishes and subscribes, but neither declares nor sees the hub’s own events', () => {
    expect(of(1).may('publish', 'amq.topic', 'a')).toBe(true);
    expect(of(1).may('subscribe', 'amq.topic', '#')).toBe(true);
    expect(of(1).may('declare', 'orders', '')).toBe(false);
    expect(of(1).may('admin', '', '')).toBe(false);
    expect(of(1).may('subscribe', 'hub.events', '#')).toBe(false);
  });

  it('anonymous only listens', () => {
    expect(of(2).may('subscribe', 'amq.topic', '#')).toBe(true);
    expect(of(2).may('publish', 'amq.topic', 'a')).toBe(false);
  });
});
