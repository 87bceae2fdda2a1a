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

const fitsKey = (key: string): boolean => {
  if (key.length > MAX_KEY_BYTES || utf8Length(key) > MAX_KEY_BYTES || hasControlCharacter(key)) return false;
  let words = 1;
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) === 46) words++;
  return words <= MAX_KEY_WORDS;
};

/** Why a routing key is refused, or `undefined` where it is fine. `*` and `#` in a key are ordinary words. */
export const keyFault = (key: string): ErrorName | undefined => (fitsKey(key) ? undefined : 'bad-key');

/** Why a binding pattern is refused, or `undefined` where it is fine. */
export function patternFault(pattern: string): ErrorName | undefined {
  if (!fitsKey(pattern)) return 'bad-pattern';
  let hashes = 0;
  for (const word of splitWords(pattern)) if (word === '#') hashes++;
  return hashes > MAX_HASHES ? 'too-many-hashes' : undefined;
}

/** Why an exchange name is refused for declaring, or `undefined` where it is fine. */
export function nameFault(name: string): ErrorName | undefined {
  if (name === '' || name.length > MAX_NAME_BYTES || utf8Length(name) > MAX_NAME_BYTES) return 'bad-name';
  if (hasControlCharacter(name)) return 'bad-name';
  return undefined;
}
