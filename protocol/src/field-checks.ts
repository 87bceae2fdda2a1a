/**
 * Checks of single values in client frames: each returns the value with its type, or throws a {@link Fault} that
 * names the field. Only {@link readClientFields} in `client-fields.ts` calls them and catches what they throw:
 * checks nest deeply and all end the same way.
 */
import type { ErrorName } from './errors.ts';
import { hasControlCharacter, keyFault, nameFault } from './topic-pattern.ts';

export class Fault {
  constructor(
    readonly error: ErrorName,
    readonly field: string,
  ) {}
}

export function fail(error: ErrorName, field: string): never {
  throw new Fault(error, field);
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

export const count = (value: unknown, field: string): number =>
  isCount(value) ? value : fail('bad-argument', field);

export const positive = (value: unknown, field: string): number =>
  isCount(value) && value > 0 ? value : fail('bad-argument', field);

/** A command without a usable ref cannot be answered, so its connection ends. */
export const ref = (value: unknown): number => (isCount(value) ? value : fail('bad-frame', 'ref'));

/** 49 days, as in AMQP. */
const MAX_DURATION_MS = 0xffff_ffff;
export const durationMs = (value: unknown, field: string): number =>
  isCount(value) && value <= MAX_DURATION_MS ? value : fail('bad-argument', field);

export const numberWithin = (value: unknown, field: string, min: number, max: number): number =>
  typeof value === 'number' && value >= min && value <= max ? value : fail('bad-argument', field);

export const boolean = (value: unknown, field: string): boolean =>
  typeof value === 'boolean' ? value : fail('bad-argument', field);

export const text = (value: unknown, field: string, maxLength: number): string =>
  typeof value === 'string' && value.length <= maxLength && value.isWellFormed()
    ? value
    : fail('bad-argument', field);

/** A text of one line, such as people see in logs and lists. */
export const line = (value: unknown, field: string, maxLength: number): string =>
  typeof value === 'string' && value.length <= maxLength && !hasControlCharacter(value)
    ? value
    : fail('bad-argument', field);

const PRINTABLE = /^[\x20-\x7e]+$/;
export const printable = (value: unknown, field: string, maxLength: number): string =>
  typeof value === 'string' && value.length <= maxLength && PRINTABLE.test(value)
    ? value
    : fail('bad-argument', field);

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], field: string): T {
  return allowed.includes(value as T) ? (value as T) : fail('bad-argument', field);
}

export function object(
  value: unknown,
  field: string,
  error: ErrorName = 'bad-argument',
): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : fail(error, field);
}

export function list(
  value: unknown,
  field: string,
  max: number,
  tooMany: ErrorName = 'bad-argument',
): unknown[] {
  if (!Array.isArray(value)) return fail('bad-argument', field);
  return value.length <= max ? value : fail(tooMany, field);
}

/** Of an exchange, or of a named queue. */
export function declaredName(value: unknown, field: string): string {
  const name = typeof value === 'string' ? value : fail('bad-argument', field);
  const fault = nameFault(name);
  return fault ? fail(fault, field) : name;
}

export const exchangeName = (value: unknown): string => declaredName(value, 'exchange');

export function routingKey(value: unknown, field = 'key'): string {
  const key = typeof value === 'string' ? value : fail('bad-argument', field);
  const fault = keyFault(key);
  return fault ? fail(fault, field) : key;
}
