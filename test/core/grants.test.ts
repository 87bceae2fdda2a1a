/** What rules permit whom. */
import { describe, expect, it } from 'vitest';
import { DecisionCache } from '../../server/src/core/decision-cache.ts';
import { Grants } from '../../server/src/core/grants.ts';
import { nameMatches } from '../../server/src/core/name-pattern.ts';
import type { PermissionRule } from '../../server/src/core/permission-rules.ts';

const grants = (rules: readonly PermissionRule[], subject = 'alice') => new Grants(rules, subject);

describe('names of exchanges and queues', () => {
  it.each([
    ['chat', 'chat', true],
    ['chat', 'chats', false],
    ['chat.*', 'chat.room1', true],
    ['chat.*', 'chat.', true],
    ['chat.*', 'chat', false],
    ['*', '', true],
    ['*', 'a.b', true],
    ['', '', true],
    ['', 'a', false],
    ['a*b*c', 'axxbxbxc', true],
    ['a*b*c', 'axxbxb', false],
    ['*.orders.*', 'eu.orders.new', true],
    ['a**', 'a', true],
    ['a#', 'ab', false],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(nameMatches(pattern, name)).toBe(expected);
  });
});

describe('grants', () => {
  it('permit nothing without a rule', () => {
    for (const rules of [[], [{ allow: ['publish'] as const, exchanges: [] }]]) {
      const none = grants(rules);
      expect(none.may('publish', 'a', 'b')).toBe(false);
      expect(none.mayAll('subscribe', 'a', 'b')).toBe(false);
      expect(none.maySome('publish', 'a')).toBe(false);
      expect(none.may('admin', '', '')).toBe(false);
    }
  });

  it('are over all exchanges and queues where a rule names none, else over those named only', () => {
    const all = grants([{ allow: ['declare', 'consume', 'publish'] }]);
    expect(all.may('declare', 'x', '')).toBe(true);
    expect(all.may('declare-queue', 'x', '')).toBe(true);
    expect(all.may('consume', 'x', '')).toBe(true);
    expect(all.may('delete', 'x', '')).toBe(false);
    const exchanges = grants([{ allow: ['declare', 'consume', 'publish'], exchanges: ['x'] }]);
    expect(exchanges.may('declare', 'x', '')).toBe(true);
    expect(exchanges.may('declare', 'y', '')).toBe(false);
    expect(exchanges.may('declare-queue', 'x', '')).toBe(false);
    expect(exchanges.may('consume', 'x', '')).toBe(false);
    const queues = grants([{ allow: ['declare', 'delete', 'consume', 'publish'], queues: ['x*'] }]);
    expect(queues.may('declare-queue', 'xy', '')).toBe(true);
    expect(queues.may('delete-queue', 'xy', '')).toBe(true);
    expect(queues.may('declare', 'xy', '')).toBe(false);
    expect(queues.maySome('publish', 'x')).toBe(false);
  });

  it('are of the union of the keys of all rules that fit', () => {
    const both = grants([
      { allow: ['subscribe'], exchanges: ['chat'], keys: ['a'] },
      { allow: ['subscribe'], exchanges: ['ch*'], keys: ['a.*.#'] },
      { allow: ['subscribe'], exchanges: ['other'], keys: ['#'] },
      { allow: ['publish'], exchanges: ['chat'] },
    ]);
    expect(both.mayAll('subscribe', 'chat', 'a.#')).toBe(true);
    expect(both.mayAll('subscribe', 'chat', '#')).toBe(false);
    expect(both.mayAll('publish', 'chat', '#')).toBe(true);
    expect(both.mayAll('bind', 'chat', 'a')).toBe(false);
    expect(both.may('subscribe', 'chat', 'a.b')).toBe(true);
    // As a key these are words.
    expect(both.may('subscribe', 'chat', '#')).toBe(false);
    expect(both.may('subscribe', 'chat', 'a.#')).toBe(true);
  });

  it('have the subject as one word', () => {
    const rules: PermissionRule[] = [
      { allow: ['subscribe'], exchanges: ['inbox.{sub}.*'] },
      { allow: ['publish'], exchanges: ['users'], keys: ['user.{sub}.#', '{sub}'] },
      { allow: ['consume'], queues: ['{sub}'] },
    ];
    const alice = grants(rules);
    expect(alice.maySome('subscribe', 'inbox.alice.mail')).toBe(true);
    expect(alice.maySome('subscribe', 'inbox.bob.mail')).toBe(false);
    expect(alice.may('publish', 'users', 'user.alice.x.y')).toBe(true);
    expect(alice.may('publish', 'users', 'user.bob.x')).toBe(false);
    expect(alice.may('publish', 'users', 'user.{sub}.x')).toBe(false);
    expect(alice.may('consume', 'alice', '')).toBe(true);
    // Put in once: it is no pattern itself.
    expect(grants(rules, '{sub}').may('publish', 'users', 'user.{sub}.x')).toBe(true);
    expect(grants(rules, '{sub}').may('publish', 'users', 'user.x.x')).toBe(false);
  });

  it.each(['*', '#', 'a.b', 'a*', '*.#', '', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(256), '.'])(
    'with the subject %j, which is no word, name nothing by it',
    (subject) => {
      const odd = grants(
        [
          { allow: ['subscribe', 'publish'], exchanges: ['e'], keys: ['{sub}', '{sub}.#', '#.{sub}.#'] },
          { allow: ['subscribe', 'publish'], exchanges: ['{sub}', 'a.{sub}.*'] },
          { allow: ['consume', 'declare', 'delete'], queues: ['{sub}', '{sub}.*'] },
        ],
        subject,
      );
      for (const action of ['subscribe', 'publish'] as const) {
        for (const name of ['e', subject, `a.${subject}.x`, 'a.b.x', 'b'])
          expect(odd.maySome(action, name)).toBe(false);
      }
      for (const action of ['consume', 'declare-queue', 'delete-queue'] as const) {
        for (const name of [subject, `${subject}.x`, 'a', 'a.b'])
          expect(odd.maySome(action, name)).toBe(false);
      }
      // What does not name it holds all the same.
      expect(
        grants([{ allow: ['publish'], keys: ['{sub}', 'all'] }], subject).may('publish', 'x', 'all'),
      ).toBe(true);
    },
  );

  it('cover hub.* only by name, or for admins', () => {
    const wide = grants([{ allow: ['subscribe'], exchanges: ['*'] }]);
    expect(wide.maySome('subscribe', 'hub.events')).toBe(false);
    expect(grants([{ allow: ['subscribe'] }]).maySome('subscribe', 'hub.events')).toBe(false);
    expect(grants([{ allow: ['subscribe'], exchanges: ['hub*'] }]).maySome('subscribe', 'hub.events')).toBe(
      false,
    );
    for (const name of ['hub.events', 'hub.*', 'hub.*s'])
      expect(grants([{ allow: ['subscribe'], exchanges: [name] }]).maySome('subscribe', 'hub.events')).toBe(
        true,
      );
    expect(grants([{ allow: ['subscribe', 'admin'] }]).mayAll('subscribe', 'hub.events', '#')).toBe(true);
    const byName: PermissionRule[] = [{ allow: ['subscribe'], exchanges: ['{sub}.events', '{sub}.*'] }];
    expect(grants(byName, 'hub').maySome('subscribe', 'hub.events')).toBe(false);
    expect(grants(byName, 'amq').maySome('subscribe', 'amq.topic')).toBe(false);
    expect(grants(byName, 'eve').maySome('subscribe', 'eve.events')).toBe(true);
  });

  it('remember within bounds', () => {
    let decided = 0;
    const cache = new DecisionCache(4, (text) => {
      decided++;
      return text.length;
    });
    for (let i = 0; i < 1_000; i++) expect(cache.get(`${i}`)).toBe(`${i}`.length);
    expect(cache.size).toBeLessThanOrEqual(8);
    expect(decided).toBe(1_000);
    for (let i = 0; i < 100; i++) for (const text of ['a', 'b', 'c', 'd']) cache.get(text);
    expect(decided).toBe(1_004);
  });
});
