/**
 * Words, routing keys and binding patterns, as RabbitMQ's topic exchange has them (PROTOCOL §5).
 *
 * A key splits at `.`; the empty key has zero words, `a..b` has three. `*` and `#` are wildcards only as
 * whole words: `a#b` is literal. This file only splits and checks; matching is the topic trie's.
 */
import type { ErrorName } from './errors.ts';

export const MAX_KEY_BYTES = 255;
export const MAX_KEY_WORDS = 32;
export const MAX_HASHES = 2;
export const MAX_NAME_BYTES = 127;

/** Splits a routing key or pattern into words; the empty string has none. */
export const splitWords = (key: string): string[] => (key === '' ? [] : key.split('.'));

/** Length of a string in UTF-8, without encoding it; a lone surrogate counts three, as U+FFFD would. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2;
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** Whether a text holds control characters of ASCII or Latin-1, or half a surrogate pair. */
export const hasControlCharacter = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (
      unit < 0x20 ||
      (unit >= 0x7f && unit < 0xa0) ||
      (unit >= 0xd800 && unit < 0xe000 && !isPair(text, i))
    ) {
      return true;
    }
  }
  return false;
};

const isPair = (text: string, i: number): boolean => {
  const unit = text.charCodeAt(i);
  return unit < 0xdc00
    ? (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    : (text.charCodeAt(i - 1) & 0xfc00) === 0xd800;
};

const DOT = 46;
const HASH = 35;

/** How many words of a key are `#`, or -1 where it is no key at all: one walk, as each publish and binding needs it. */
function hashesIn(key: string): number {
  if (key.length > MAX_KEY_BYTES) return -1;
  let words = 1;
  let hashes = 0;
  let isPlain = true;
  let wordAt = 0;
  for (let i = 0; i <= key.length; i++) {
    const unit = i < key.length ? key.charCodeAt(i) : DOT;
    if (unit === DOT) {
      if (i < key.length) words++;
      if (i === wordAt + 1 && key.charCodeAt(wordAt) === HASH) hashes++;
      wordAt = i + 1;
    } else if (unit < 0x20 || unit >= 0x7f) isPlain = false;
  }
  if (words > MAX_KEY_WORDS) return -1;
  return isPlain || (utf8Length(key) <= MAX_KEY_BYTES && !hasControlCharacter(key)) ? hashes : -1;
}

/** Why a routing key is refused, or `undefined` where it is fine. `*` and `#` in a key are ordinary words. */
export const keyFault = (key: string): ErrorName | undefined => (hashesIn(key) < 0 ? 'bad-key' : undefined);

/** Why a binding pattern is refused, or `undefined` where it is fine. */
export function patternFault(pattern: string): ErrorName | undefined {
  const hashes = hashesIn(pattern);
  if (hashes < 0) return 'bad-pattern';
  return hashes > MAX_HASHES ? 'too-many-hashes' : undefined;
}

/** Why an exchange name is refused for declaring, or `undefined` where it is fine. */
export function nameFault(name: string): ErrorName | undefined {
  if (name === '' || name.length > MAX_NAME_BYTES || utf8Length(name) > MAX_NAME_BYTES) return 'bad-name';
  if (hasControlCharacter(name)) return 'bad-name';
  return undefined;
}
