/**
 * `expect` for what runs a million times: vitest's keeps account of each call, which costs many times what a comparison
 * does. Only a difference is left to it, so that it is told as any other.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

/** As `toEqual`. */
export function same<T>(actual: T, expected: T, about?: string): void {
  if (Object.is(actual, expected) || isDeepStrictEqual(actual, expected)) return;
  expect(actual, about).toEqual(expected);
}

/** As `toBeLessThanOrEqual`. */
export function atMost(actual: number, most: number): void {
  if (!(actual <= most)) expect(actual).toBeLessThanOrEqual(most);
}
