/**
 * What may be read and published at the moment, by role: drawn anew now and then, given to the hub as rules, and kept a second
 * time as the protocol says it (PROTOCOL §21). That one pattern holds all keys of another is tried with keys, not reasoned.
 */
import type { ExchangeOptions } from '@ringhub/protocol';
import { Principals } from '../../server/src/auth/principal.ts';
import type { PermissionRule } from '../../server/src/core/permission-rules.ts';
import { matchesByDefinition } from '../core/topic-reference.ts';
import type { Random } from './random.ts';
import type { Declared } from './reference-router.ts';
import { LASTING_AND_PASSING, PATTERNS } from './wishes.ts';
import { WORK_QUEUES } from './work-account.ts';

/** Of applications that read: what it may read changes. */
export const GUEST = 'guest';
/** Of those that publish: what it may publish changes. */
export const WRITER = 'writer';
/** Of those that work on named queues: from which ones changes. */
export const CREW = 'crew';
export type SimulatedRole = typeof GUEST | typeof WRITER | typeof CREW;
export const ROLES: readonly SimulatedRole[] = [GUEST, WRITER, CREW];

export const roleOf = (subject: string): SimulatedRole =>
  subject.startsWith('p') ? WRITER : subject.startsWith('w') ? CREW : GUEST;

type Action = 'subscribe' | 'publish' | 'consume';

const WHAT: Record<SimulatedRole, Action> = { [GUEST]: 'subscribe', [WRITER]: 'publish', [CREW]: 'consume' };
const REST: Record<SimulatedRole, PermissionRule> = {
  [GUEST]: { allow: ['publish', 'consume', 'declare', 'bind', 'delete'] },
  [WRITER]: { allow: ['subscribe', 'consume', 'declare', 'bind', 'delete'] },
  [CREW]: { allow: ['publish', 'subscribe', 'declare', 'bind', 'delete'] },
};

/** One letter more than keys of a run have, and longer: what tells patterns apart is among them. */
const LETTERS = ['a', 'b', 'c', 'z'];
const MAX_WORDS = 5;

export class Permits {
  readonly principals = new Principals();
  /** Key patterns by exchange; without an entry for a role, it may do everything. */
  readonly #granted = new Map<SimulatedRole, ReadonlyMap<string, readonly string[]>>();

  constructor() {
    for (const role of ROLES) this.grantAll(role);
  }

  grantAll(role: SimulatedRole): void {
    this.#granted.delete(role);
    this.principals.set(role, [REST[role], { allow: [WHAT[role]] }]);
  }

  /** Everything, but one exchange. */
  forbid(role: SimulatedRole, name: string): void {
    const names = LASTING_AND_PASSING.filter((one) => one !== name);
    this.#set(role, new Map(names.map((one) => [one, ['#']])));
  }

  /** Another lot: most exchanges wholly, some in part, some not at all. */
  redraw(role: SimulatedRole, random: Random): void {
    const granted = new Map<string, readonly string[]>();
    for (const name of role === CREW ? WORK_QUEUES : LASTING_AND_PASSING) {
      const lot = random.next();
      if (lot < 0.6) granted.set(name, ['#']);
      else if (lot < 0.85) granted.set(name, [random.pick(PATTERNS), random.pick(PATTERNS)]);
    }
    this.#set(role, granted);
  }

  #set(role: SimulatedRole, granted: ReadonlyMap<string, readonly string[]>): void {
    this.#granted.set(role, granted);
    const allow = [WHAT[role]];
    const rules = [...granted].map(
      ([name, keys]): PermissionRule =>
        role === CREW ? { allow, queues: [name] } : { allow, exchanges: [name], keys },
    );
    this.principals.set(role, [REST[role], ...rules]);
  }

  /** Whether something may be done with every key that a binding of this exchange lets through. */
  mayByBinding(role: string, action: Action, { name, options }: Named, key: string): boolean {
    const granted = this.#of(role, action);
    if (!granted) return true;
    const keys = granted.get(name) ?? [];
    if (options.type === 'direct') return keys.some((pattern) => matchesByDefinition(pattern, key));
    return holdAll(keys, options.type === 'topic' ? key : '#');
  }

  /** Whether it may be with one key: of exchanges where keys mean nothing, with all or none. */
  may(role: string, action: Action, { name, options }: Named, key: string): boolean {
    const hasKeys = action === 'publish' || options.type === 'direct' || options.type === 'topic';
    if (!hasKeys) return this.mayByBinding(role, action, { name, options }, '#');
    const granted = this.#of(role, action);
    return !granted || (granted.get(name) ?? []).some((pattern) => matchesByDefinition(pattern, key));
  }

  /** Of a named queue. */
  mayConsume(role: string, queue: string): boolean {
    return this.maySome(role, 'consume', queue);
  }

  maySome(role: string, action: Action, name: string): boolean {
    const granted = this.#of(role, action);
    return !granted || granted.has(name);
  }

  #of(role: string, action: Action): ReadonlyMap<string, readonly string[]> | undefined {
    const known = role as SimulatedRole;
    return WHAT[known] === action ? this.#granted.get(known) : undefined;
  }
}

type Named = Pick<Declared, 'name'> & { readonly options: Pick<ExchangeOptions, 'type'> };

const KEYS: string[] = [''];
for (let from = 0, words = 1; words <= MAX_WORDS; words++) {
  const to = KEYS.length;
  for (; from < to; from++)
    for (const letter of LETTERS) KEYS.push(KEYS[from] === '' ? letter : `${KEYS[from]}.${letter}`);
}

const matched = new Map<string, Uint8Array>();

function keysOf(pattern: string): Uint8Array {
  let found = matched.get(pattern);
  if (!found) {
    found = Uint8Array.from(KEYS, (key) => Number(matchesByDefinition(pattern, key)));
    matched.set(pattern, found);
  }
  return found;
}

const held = new Map<string, boolean>();

/** Whether each key that a pattern matches is matched by one of some others. */
function holdAll(patterns: readonly string[], pattern: string): boolean {
  const question = JSON.stringify([patterns, pattern]);
  let answer = held.get(question);
  if (answer === undefined) {
    const sets = patterns.map(keysOf);
    const asked = keysOf(pattern);
    answer = patterns.length > 0 && asked.every((isAsked, i) => !isAsked || sets.some((set) => set[i]));
    held.set(question, answer);
  }
  return answer;
}
