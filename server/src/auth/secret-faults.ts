/**
 * What is wrong with a secret of the configuration: a weak one is worse than none, as it looks like one.
 *
 * Finds what can be found: too short, of a few characters only, or copied from documentation. What it says of a secret
 * never holds it.
 */

export const MIN_SECRET_BYTES = 32;
/** 32 random hexadecimal digits have about 14; fewer than this is typed by hand. */
const MIN_DISTINCT = 10;

const HOW = 'make one with "ringhub token generate"';

/** From documentation and tutorials, of ours and of others, in small letters. */
const SAMPLES: ReadonlySet<string> = new Set([
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  'your-very-long-secret-with-at-least-32-characters',
  'super-secret-jwt-token-with-at-least-32-characters-long',
  '!changethismercurehubjwtsecretkey!',
  'bbe7d157-a253-4094-9759-06a8236543f9',
  'cc7e0d44fd473002f1c42167459001140ec6389b7353f8088f4d9a95f2f596f2',
  'aym1sysppbydfgzld3umj1qzkobwvmkoqq-estjqlr_t-1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow',
  '3ek6fd+o0+c7tzbnvfjpmkndi2yaraakzqlk8o2ikoxqu4nf7edah8s3twphwrdwt6r',
  'qwertyuiopasdfghjklzxcvbnm123456',
  'abcdefghijklmnopqrstuvwxyz123456',
  'abcdefghijklmnopqrstuvwxyz012345',
  'thisisaverylongsecretkeyfortesting',
]);

/** No random text holds one of these; what does was meant to be replaced. */
const PLACEHOLDERS =
  /change[-_ ]?(me|this|it)|your[-_ ]?(\w+[-_ ]){0,3}(secret|token|key|password)|replace[-_ ]?(me|this|with)|placeholder|django-insecure|(0123456789|1234567890){3}|(0123456789abcdef){2}/;

/** The same, with nothing but letters and digits left: what stands between the words does not count. */
const HASTY = [
  'dontusethis',
  'donotuse',
  'notasecret',
  'mysecret',
  'supersecret',
  'secretkey',
  'examplesecret',
  'exampletoken',
  'sampletoken',
  'yoursuper',
  'your256bitsecret',
  'passwordpassword',
  'abcdefghijklmnop',
  '0123456789abcdef',
  '1234567890123456',
  'qwertyuiop',
];

/** In a few words, and what to do about it; `undefined` where nothing is. */
export function secretFault(secret: string): string | undefined {
  const small = secret.toLowerCase();
  const bare = small.replace(/[^a-z0-9]/g, '');
  if (SAMPLES.has(small) || PLACEHOLDERS.test(small) || HASTY.some((words) => bare.includes(words))) {
    return `this secret is from a documentation, so everybody knows it: ${HOW}`;
  }
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    return `a secret has at least ${MIN_SECRET_BYTES} bytes: ${HOW}`;
  }
  if (new Set(secret).size < MIN_DISTINCT) {
    return `this secret is of fewer than ${MIN_DISTINCT} different characters, which is easily guessed: ${HOW}`;
  }
  return undefined;
}
