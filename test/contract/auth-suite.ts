/** What every auth adapter must do (server/src/ports/auth.ts). */
import { describe, expect, it } from 'vitest';
import {
  type Action,
  type Admission,
  type Auth,
  isDenial,
  type Principal,
  type Role,
} from '../../server/src/ports/auth.ts';

export interface KnownToken {
  readonly token: string;
  readonly subject: string;
  readonly role: Role;
}

const nobody = (admission: Admission): boolean =>
  isDenial(admission) && admission.reason !== '' && !('subject' in admission);

const ACTIONS: readonly Action[] = ['publish', 'subscribe', 'declare', 'bind', 'delete', 'admin'];

export function authSuite(name: string, make: () => { auth: Auth; known: readonly KnownToken[] }): void {
  describe(`the ${name} auth`, () => {
    it('knows the principal of each of its tokens', async () => {
      const { auth, known } = make();
      for (const { token, subject, role } of known) {
        expect(await auth.authenticate(token)).toMatchObject({ subject, role });
      }
    });

    it('gives the same subject every time, as sessions belong to it', async () => {
      const { auth, known } = make();
      for (const { token } of known) {
        const [first, second] = [await auth.authenticate(token), await auth.authenticate(token)];
        expect((first as Principal).subject).toBe((second as Principal).subject);
      }
    });

    it('knows nobody without a token', async () => {
      expect(await make().auth.authenticate(undefined)).toSatisfy(nobody);
    });

    it('knows nobody by a token that is only like one of its own, and never throws', async () => {
      const { auth, known } = make();
      const token = (known[0] as KnownToken).token;
      const strangers = [
        '',
        ' ',
        token.slice(0, -1),
        `${token}x`,
        ` ${token}`,
        `${token}\0`,
        token.toUpperCase() === token ? token.toLowerCase() : token.toUpperCase(),
        '\ud800',
        'é'.repeat(10_000),
        '__proto__',
      ];
      for (const stranger of strangers) expect(await auth.authenticate(stranger)).toSatisfy(nobody);
    });

    it('says why somebody is not let in without a word of what was shown', async () => {
      const { auth } = make();
      const marked = [
        'a-marked-token-of-some-length-123456',
        `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"iss":"marked","sub":"marked"}').toString('base64url')}.marked`,
      ];
      for (const token of marked) {
        const denial = await auth.authenticate(token);
        expect(JSON.stringify(denial)).not.toMatch(/marked|eyJ/);
        expect(denial).toMatchObject({ denied: 'unauthorized' });
      }
    });

    it('answers every question of permission with yes or no', async () => {
      const { auth, known } = make();
      for (const { token } of known) {
        const principal = (await auth.authenticate(token)) as Principal;
        for (const action of ACTIONS) {
          for (const exchange of ['', 'amq.topic', 'hub.events', '__proto__']) {
            expect(typeof principal.may(action, exchange, 'a.#')).toBe('boolean');
          }
        }
      }
    });
  });
}
