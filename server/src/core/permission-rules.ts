/**
 * Permissions as they are written, in the configuration and in token claims, and how they are read (PROTOCOL §21).
 *
 *     [{allow: ['publish', 'subscribe'], exchanges: ['chat'], keys: ['room1.*', 'user.{sub}.#']}, …]
 *
 * Reading checks everything and never throws; what is no permission is a fault with its place, and nothing of it holds.
 */
import { MAX_NAME_BYTES, patternFault, splitWords, utf8Length } from '@ringhub/protocol';

export const RULE_ACTIONS = [
  'publish',
  'subscribe',
  'consume',
  'declare',
  'bind',
  'delete',
  'admin',
] as const;
export type RuleAction = (typeof RULE_ACTIONS)[number];

/** What may be done, and with what; all that one of the rules allows is permitted. */
export interface PermissionRule {
  readonly allow: readonly RuleAction[];
  /** Names of exchanges, `*` standing for any characters. Without these and `queues`: all exchanges and all queues. */
  readonly exchanges?: readonly string[];
  /** Names of named queues, in the same way. */
  readonly queues?: readonly string[];
  /** Patterns of the routing keys with which to publish, subscribe and bind; without them all keys. */
  readonly keys?: readonly string[];
}

export interface PermissionsFault {
  readonly fault: string;
}

/** Stands for the subject: a whole word of a key pattern or of a name. */
export const SUBJECT = '{sub}';

export const MAX_RULES = 64;
export const MAX_PATTERNS = 256;
export const MAX_PERMISSIONS_BYTES = 8 * 1024;
/** Of one name pattern: each may cost a comparison along the whole name. */
const MAX_STARS = 8;

const FIELDS = ['allow', 'exchanges', 'queues', 'keys'];

/** Reads what is claimed to be permissions. */
export function readPermissions(value: unknown): readonly PermissionRule[] | PermissionsFault {
  if (!Array.isArray(value)) return { fault: 'must be a list of rules' };
  if (value.length > MAX_RULES) return { fault: `has more than ${MAX_RULES} rules` };
  const budget = { patterns: MAX_PATTERNS, bytes: MAX_PERMISSIONS_BYTES };
  const rules: PermissionRule[] = [];
  for (const [at, entry] of value.entries()) {
    const rule = readRule(entry, budget);
    if ('fault' in rule) return { fault: `rule ${at}: ${rule.fault}` };
    rules.push(rule);
  }
  return rules;
}

interface Budget {
  patterns: number;
  bytes: number;
}

function readRule(value: unknown, budget: Budget): PermissionRule | PermissionsFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { fault: 'must be {allow, exchanges?, queues?, keys?}' };
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return { fault: `there is no field ${JSON.stringify(unknown.slice(0, 40))}` };
  const { allow, exchanges, queues, keys } = value as Record<string, unknown>;
  const actions = readActions(allow);
  if ('fault' in actions) return actions;
  const lists: [field: string, texts: readonly string[]][] = [];
  for (const [field, list] of Object.entries({ exchanges, queues, keys })) {
    if (list === undefined) continue;
    const read = readTexts(list, budget, field === 'keys' ? keyPatternFault : namePatternFault);
    if ('fault' in read) return { fault: `${field}: ${read.fault}` };
    lists.push([field, read]);
  }
  // Over all of the hub: beside names it would look as if it were not.
  if (actions.includes('admin') && lists.length > 0)
    return { fault: 'admin is over the whole hub: give it a rule of its own, without names and keys' };
  return { allow: actions, ...Object.fromEntries(lists) };
}

function readActions(value: unknown): readonly RuleAction[] | PermissionsFault {
  if (!Array.isArray(value) || value.length === 0 || value.length > RULE_ACTIONS.length)
    return { fault: `allow must list some of ${RULE_ACTIONS.join(', ')}` };
  const unknown = value.find((action) => !RULE_ACTIONS.includes(action as RuleAction));
  if (unknown === undefined) return value as RuleAction[];
  return { fault: `there is nothing to allow called ${JSON.stringify(unknown)?.slice(0, 40)}` };
}

function readTexts(
  value: unknown,
  budget: Budget,
  faultOf: (text: string) => string | undefined,
): readonly string[] | PermissionsFault {
  if (!Array.isArray(value)) return { fault: 'must be a list of texts' };
  for (const text of value as unknown[]) {
    if (typeof text !== 'string') return { fault: 'must be a list of texts' };
    budget.patterns--;
    budget.bytes -= utf8Length(text);
    if (budget.patterns < 0) return { fault: `there are more than ${MAX_PATTERNS} names and keys in all` };
    if (budget.bytes < 0) return { fault: `names and keys have more than ${MAX_PERMISSIONS_BYTES} bytes` };
    const fault = faultOf(text);
    if (fault) return { fault: `${JSON.stringify(text.slice(0, 80))} ${fault}` };
  }
  return value as string[];
}

function keyPatternFault(text: string): string | undefined {
  if (patternFault(text))
    return 'is no pattern of keys: 255 bytes, 32 words and two # at most, no control characters';
  return subjectFault(text);
}

function namePatternFault(text: string): string | undefined {
  // The default exchange has no name.
  if (utf8Length(text) > MAX_NAME_BYTES || patternFault(text) === 'bad-pattern')
    return 'is no name: 127 bytes at most, no control characters';
  if (text.split('*').length - 1 > MAX_STARS) return `has more than ${MAX_STARS} *`;
  return subjectFault(text);
}

/** As a part of a word, one subject could be taken for the beginning of another. */
const subjectFault = (text: string): string | undefined =>
  splitWords(text).some((word) => word !== SUBJECT && word.includes(SUBJECT))
    ? `has ${SUBJECT} in the middle of a word: set it off by dots`
    : undefined;
