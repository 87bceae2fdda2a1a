/**
 * What rules permit, read as naively as PROTOCOL §21 is written: no caches, no automata, containment by trying keys.
 */
import type { PermissionRule } from '../../../server/src/core/permission-rules.ts';
import type { Action } from '../../../server/src/ports/auth.ts';
import { matchesByDefinition } from '../../core/topic-reference.ts';

const QUEUE_ACTIONS: Partial<Record<Action, string>> = {
  consume: 'consume',
  'declare-queue': 'declare',
  'delete-queue': 'delete',
};
const KEYED: readonly Action[] = ['publish', 'subscribe', 'bind'];

const WORDS = ['a', 'b', 'o'];
const keysUpTo = (length: number): string[] =>
  length === 0
    ? ['']
    : [
        '',
        ...keysUpTo(length - 1).flatMap((rest) =>
          WORDS.map((word) => (rest === '' ? word : `${word}.${rest}`)),
        ),
      ];
const KEYS = [...new Set(keysUpTo(3))];
/** Patterns of the tests have three words at most: see pattern-containment.property.test.ts on why this will do. */
const MAX_RUN = 4;

export class PermissionReference {
  constructor(
    private readonly rules: readonly PermissionRule[],
    private readonly subject: string,
  ) {}

  some(action: Action, name: string): boolean {
    return this.granted(action, name).length > 0;
  }

  may(action: Action, name: string, key = ''): boolean {
    return this.granted(action, name).some((pattern) => matchesByDefinition(pattern, key));
  }

  all(action: Action, name: string, asked: string): boolean {
    const granted = this.granted(action, name);
    return keysOf(asked).every((key) => granted.some((pattern) => matchesByDefinition(pattern, key)));
  }

  /** Everything that a binding of an exchange of this type lets through. */
  binding(action: Action, name: string, type: string, key: string): boolean {
    if (type === 'direct') return this.may(action, name, key);
    return this.all(action, name, type === 'topic' ? key : '#');
  }

  private granted(action: Action, name: string): string[] {
    const ofQueues = QUEUE_ACTIONS[action];
    return this.rules.flatMap(({ allow, exchanges, queues, keys }) => {
      if (!(allow as readonly string[]).includes(ofQueues ?? action)) return [];
      const everywhere = exchanges === undefined && queues === undefined;
      const names = everywhere ? ['*'] : ((ofQueues ? queues : exchanges) ?? []);
      const isNamed = names.some((written) => {
        if (name.startsWith('hub.') && !written.startsWith('hub.')) return false;
        return isLike(this.filled(written), name);
      });
      if (!isNamed) return [];
      return keys && KEYED.includes(action) ? keys.map((key) => this.filled(key)) : ['#'];
    });
  }

  private filled(text: string): string {
    return text
      .split('.')
      .map((word) => (word === '{sub}' ? this.subject : word))
      .join('.');
  }
}

function isLike(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern[0] !== '*')
    return name !== '' && pattern[0] === name[0] && isLike(pattern.slice(1), name.slice(1));
  return isLike(pattern.slice(1), name) || (name !== '' && isLike(pattern, name.slice(1)));
}

const known = new Map<string, string[]>();

/** Keys that a pattern matches: short ones of all kinds, and those with runs of a word that nobody names. */
function keysOf(pattern: string): string[] {
  const there = known.get(pattern);
  if (there) return there;
  let plain: string[][] = [[]];
  for (const word of pattern === '' ? [] : pattern.split('.')) {
    const parts =
      word === '#'
        ? Array.from({ length: MAX_RUN + 1 }, (_, run) => Array<string>(run).fill('o'))
        : [[word === '*' ? 'o' : word]];
    plain = plain.flatMap((key) => parts.map((part) => [...key, ...part]));
  }
  const keys = [
    ...KEYS.filter((key) => matchesByDefinition(pattern, key)),
    ...plain.map((key) => key.join('.')),
  ];
  known.set(pattern, keys);
  return keys;
}
