/**
 * Secrets that are as good as none: short, guessable, or printed in somebody's documentation.
 */

const MIN_LENGTH = 32;
/** Fewer different characters than a random text of that length ever has. */
const MIN_DISTINCT = 10;
/** What samples, templates and hasty people write, in small letters and without what stands between words. */
const SAMPLES = [
  'changeme',
  'changethis',
  'replaceme',
  'replacethis',
  'placeholder',
  'notasecret',
  'yoursecret',
  'yourtoken',
  'yoursuper',
  'supersecret',
  'mysecret',
  'secretkey',
  'examplesecret',
  'exampletoken',
  'sampletoken',
  'your256bitsecret',
  'dontusethis',
  'donotuse',
  'passwordpassword',
  'abcdefghijklmnop',
  '0123456789abcdef',
  '1234567890123456',
  'qwertyuiop',
];

/** Why a secret is refused, to follow "a token"; `undefined` where it may be used. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(secret))
    return `has at least ${MIN_LENGTH} printable characters`;
  if (new Set(secret).size < MIN_DISTINCT) return 'is made of more than a few different characters';
  const bare = secret.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (SAMPLES.some((sample) => bare.includes(sample))) return 'is no sample from a page that others know';
  return undefined;
}
