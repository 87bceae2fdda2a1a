/**
 * Permission rules as they hold for one subject: whether it may do something with a key, with all keys of a pattern, or
 * at all (PROTOCOL §21).
 *
 *     rules + subject ─► by action: name ─► the keys granted ─► decided, and remembered within bounds
 *
 * Invariants: nothing is permitted that no rule allows. `{sub}` is the subject as one literal word; of a subject that is
 * not a word (with `.`, `*`, `#`, a control character, or empty) nothing that names `{sub}` holds; nor does a name that
 * would become one of the hub's own by it. `hub.*` names are covered only by patterns that begin with `hub.`, or for admins.
 */
import { keyFault, splitWords } from '@ringhub/protocol';
import type { Action } from '../ports/auth.ts';
import { DecisionCache } from './decision-cache.ts';
import { isReserved } from './exchanges.ts';
import { nameMatches } from './name-pattern.ts';
import { PatternUnion } from './pattern-containment.ts';
import { type PermissionRule, type RuleAction, SUBJECT } from './permission-rules.ts';

/** Of one subject: names looked at lately for each action, and keys for each of those. */
const MAX_NAMES = 64;
const MAX_KEYS = 256;

const OF_QUEUES: ReadonlyMap<Action, RuleAction> = new Map([
  ['consume', 'consume'],
  ['declare-queue', 'declare'],
  ['delete-queue', 'delete'],
]);
const OF_EXCHANGES: readonly Action[] = ['publish', 'subscribe', 'declare', 'bind', 'delete'];
/** Those that are about messages, and so about keys. */
const WITH_KEYS: readonly Action[] = ['publish', 'subscribe', 'bind'];

const HUB_PREFIX = 'hub.';

export class Grants {
  readonly isAdmin: boolean;
  private readonly rules: readonly PermissionRule[];
  private readonly byAction = new Map<Action, DecisionCache<GrantedKeys>>();

  constructor(rules: readonly PermissionRule[], subject: string) {
    this.rules = rules.map((rule) => withSubject(rule, subject));
    this.isAdmin = rules.some(({ allow }) => allow.includes('admin'));
    for (const action of [...OF_EXCHANGES, ...OF_QUEUES.keys()]) {
      this.byAction.set(action, new DecisionCache(MAX_NAMES, (name) => this.keysOf(action, name)));
    }
  }

  /** With one routing key. */
  may(action: Action, name: string, key: string): boolean {
    if (action === 'admin') return this.isAdmin;
    return this.byAction.get(action)?.get(name).hasKey(key) ?? false;
  }

  /** With every key of a pattern. */
  mayAll(action: Action, name: string, pattern: string): boolean {
    if (action === 'admin') return this.isAdmin;
    return this.byAction.get(action)?.get(name).hasPattern(pattern) ?? false;
  }

  /** With some key. */
  maySome(action: Action, name: string): boolean {
    if (action === 'admin') return this.isAdmin;
    return this.byAction.get(action)?.get(name).hasSome ?? false;
  }

  private keysOf(action: Action, name: string): GrantedKeys {
    const keys: string[] = [];
    for (const rule of this.rules) {
      if (!this.covers(rule, action, name)) continue;
      if (rule.keys === undefined || !WITH_KEYS.includes(action)) return GrantedKeys.ALL;
      keys.push(...rule.keys);
    }
    return new GrantedKeys(keys);
  }

  private covers({ allow, exchanges, queues }: PermissionRule, action: Action, name: string): boolean {
    const ofQueues = OF_QUEUES.get(action);
    if (!allow.includes(ofQueues ?? (action as RuleAction))) return false;
    const isAnywhere = exchanges === undefined && queues === undefined;
    const names = isAnywhere ? ANYWHERE : ofQueues ? queues : exchanges;
    const isOfHub = name.startsWith(HUB_PREFIX) && !this.isAdmin;
    return (
      names?.some((pattern) => (!isOfHub || pattern.startsWith(HUB_PREFIX)) && nameMatches(pattern, name)) ??
      false
    );
  }
}

const ANYWHERE: readonly string[] = ['*'];

/** The keys granted for one action and name. */
class GrantedKeys {
  static readonly ALL = new GrantedKeys(['#']);

  readonly hasSome: boolean;
  private readonly hasAll: boolean;
  private readonly union: PatternUnion;
  private readonly keys = new DecisionCache<boolean>(MAX_KEYS, (key) => this.union.matches(splitWords(key)));
  private readonly patterns = new DecisionCache<boolean>(
    MAX_KEYS,
    (pattern) => this.union.contains(splitWords(pattern)) === 'contained',
  );

  constructor(granted: readonly string[]) {
    this.hasSome = granted.length > 0;
    this.hasAll = granted.includes('#');
    this.union = new PatternUnion(granted);
  }

  hasKey(key: string): boolean {
    return this.hasAll || (this.hasSome && this.keys.get(key));
  }

  hasPattern(pattern: string): boolean {
    return this.hasAll || (this.hasSome && this.patterns.get(pattern));
  }
}

/** A rule with its subject filled in; patterns that cannot have it are left out. */
function withSubject({ allow, ...lists }: PermissionRule, subject: string): PermissionRule {
  const word = isWord(subject) ? subject : undefined;
  const filled = Object.entries(lists).map(([field, patterns]): [string, string[]] => [
    field,
    patterns.flatMap((pattern) => fill(pattern, word, field !== 'keys')),
  ]);
  return { allow, ...Object.fromEntries(filled) };
}

function fill(pattern: string, word: string | undefined, isName: boolean): string[] {
  const words = splitWords(pattern);
  if (!words.includes(SUBJECT)) return [pattern];
  if (word === undefined) return [];
  const filled = words.map((one) => (one === SUBJECT ? word : one)).join('.');
  // Whoever is called `hub` or `amq` is not given the hub's own exchanges by that.
  return isName && isReserved(filled) && !isReserved(pattern) ? [] : [filled];
}

/** Whether a subject is one word, and no pattern of any kind. */
const isWord = (subject: string): boolean => {
  if (subject === '' || keyFault(subject)) return false;
  for (const special of ['.', '*', '#']) if (subject.includes(special)) return false;
  return true;
};
