/** What is read as permissions, and what is refused with its place. */
import { describe, expect, it } from 'vitest';
import { MAX_PATTERNS, MAX_RULES, readPermissions } from '../../server/src/core/permission-rules.ts';

const faultOf = (value: unknown): string => {
  const read = readPermissions(value);
  return 'fault' in read ? read.fault : 'none';
};

describe('reading permissions', () => {
  it('gives rules as they were written', () => {
    const rules = [
      { allow: ['publish', 'subscribe'], exchanges: ['chat', 'news.*', ''], keys: ['user.{sub}.#', 'a.*'] },
      { allow: ['consume'], queues: ['inbox.{sub}'] },
      { allow: ['admin'] },
      { allow: ['declare'] },
    ];
    expect(readPermissions(rules)).toEqual(rules);
    expect(readPermissions([])).toEqual([]);
  });

  it.each([
    ['text', 'must be a list of rules'],
    [null, 'must be a list of rules'],
    [{ allow: ['publish'] }, 'must be a list of rules'],
    [Array(MAX_RULES + 1).fill({ allow: ['publish'] }), 'has more than 64 rules'],
    [[7], 'rule 0: must be {allow, exchanges?, queues?, keys?}'],
    [[{ allow: ['publish'] }, []], 'rule 1: must be {allow, exchanges?, queues?, keys?}'],
    [[{}], 'rule 0: allow must list some of publish, subscribe, consume, declare, bind, delete, admin'],
    [[{ allow: [] }], 'rule 0: allow must list some of'],
    [[{ allow: 'publish' }], 'rule 0: allow must list some of'],
    [[{ allow: Array(8).fill('publish') }], 'rule 0: allow must list some of'],
    [[{ allow: ['publish', 'declare-queue'] }], 'rule 0: there is nothing to allow called "declare-queue"'],
    [[{ allow: ['publish', null] }], 'rule 0: there is nothing to allow called null'],
    [[{ allow: ['publish'], key: ['a'] }], 'rule 0: there is no field "key"'],
    [[JSON.parse('{"allow":["publish"],"__proto__":1}')], 'rule 0: there is no field "__proto__"'],
    [[{ allow: ['publish'], keys: 'a' }], 'rule 0: keys: must be a list of texts'],
    [[{ allow: ['publish'], exchanges: [1] }], 'rule 0: exchanges: must be a list of texts'],
    [[{ allow: ['publish'], keys: ['a.#.#.#'] }], 'rule 0: keys: "a.#.#.#" is no pattern of keys'],
    [[{ allow: ['publish'], keys: ['a\nb'] }], 'rule 0: keys: "a\\nb" is no pattern of keys'],
    [
      [{ allow: ['publish'], keys: ['u-{sub}.a'] }],
      'rule 0: keys: "u-{sub}.a" has {sub} in the middle of a word',
    ],
    [
      [{ allow: ['consume'], queues: ['{sub}*'] }],
      'rule 0: queues: "{sub}*" has {sub} in the middle of a word',
    ],
    [[{ allow: ['publish'], exchanges: ['x'.repeat(128)] }], 'is no name: 127 bytes at most'],
    [[{ allow: ['publish'], exchanges: ['*a'.repeat(9)] }], 'has more than 8 *'],
    [[{ allow: ['admin'], exchanges: ['a'] }], 'rule 0: admin is over the whole hub'],
    [
      Array(3).fill({ allow: ['publish'], keys: Array(100).fill('a') }),
      `rule 2: keys: there are more than ${MAX_PATTERNS} names and keys in all`,
    ],
    [
      [{ allow: ['publish'], keys: Array(40).fill('k'.repeat(255)) }],
      'rule 0: keys: names and keys have more than 8192 bytes',
    ],
  ])('refuses %j', (value, fault) => {
    expect(faultOf(value)).toContain(fault);
  });
});
