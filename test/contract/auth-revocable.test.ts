/** Auth of which credentials are taken back. */
import { describe, expect, it } from 'vitest';
import { RevocableAuth } from '../../server/src/auth/revocable-auth.ts';
import { TokenAuth } from '../../server/src/auth/token-auth.ts';
import type { Auth, Principal } from '../../server/src/ports/auth.ts';
import { authSuite } from './auth-suite.ts';

const GRANTS = [
  { token: 'Secret-of-the-application-server-1', subject: 'app', role: 'server' },
  { token: 'Secret-of-the-pages-of-the-shop-12', subject: 'shop', role: 'browser' },
] as const;

const tokens = new TokenAuth('tokens', GRANTS);
/** Answers by and by, as one that has to fetch keys. */
const slow: Auth = { name: 'slow', authenticate: async (token) => tokens.authenticate(token) };

authSuite('revocable', () => ({ auth: new RevocableAuth(tokens, () => false), known: GRANTS }));
authSuite('slow revocable', () => ({ auth: new RevocableAuth(slow, () => false), known: GRANTS }));

describe('revoked credentials', () => {
  it.each([tokens, slow])('are refused, those of others are not', async (auth) => {
    const revoked = new Set<string>();
    const revocable = new RevocableAuth(auth, ({ subject }: Principal) => revoked.has(subject));
    const [app, shop] = GRANTS;
    expect(await revocable.authenticate(app.token)).toMatchObject({ subject: 'app' });
    revoked.add('app');
    expect(await revocable.authenticate(app.token)).toMatchObject({ denied: 'unauthorized' });
    expect(await revocable.authenticate(shop.token)).toMatchObject({ subject: 'shop' });
  });

  it('are refused also when that was said while they were being looked at', async () => {
    let isRevoked = false;
    const answer = new RevocableAuth(slow, () => isRevoked).authenticate(GRANTS[0].token);
    isRevoked = true;
    expect(await answer).toMatchObject({ denied: 'unauthorized' });
  });
});
