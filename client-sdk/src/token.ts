/**
 * Makes the tokens that a back end hands to its pages: JSON Web Tokens as the hub's `auth.jwt` wants them (PROTOCOL §3).
 *
 * For servers: whoever has the secret or private key can be anybody. Runs wherever WebCrypto is, without dependencies.
 */

export interface TokenRequest {
  /** What the hub's entry has as `secret`, 32 bytes or more: signs by HS256. */
  readonly secret?: string | undefined;
  /** Instead of a secret: a private key in PKCS #8 PEM form, EC on P-256, Ed25519 or RSA. The hub knows the public one. */
  readonly privateKey?: string | undefined;
  /** Name of the key, where the hub knows several. */
  readonly keyId?: string | undefined;
  /** As the hub's entry has it. */
  readonly issuer: string;
  readonly audience: string;
  /** Who this is, 1 to 128 characters: sessions, publish ids and the variable `{sub}` of permissions belong to it. */
  readonly subject: string;
  /** One of the roles of the hub's entry; the first of them by default. */
  readonly role?: string | undefined;
  /** What it may do, where that is not what its role may. */
  readonly permissions?: object | undefined;
  /** Seconds until it ends, 900 by default. The SDK asks for the next one before. */
  readonly expiresInSec?: number | undefined;
}

/**
 * Signs a token for one user; to be called by a server that knows who is asking.
 *
 * ```ts
 * import { createToken } from '@ringhub/client/token';
 * const made = await createToken({
 *   secret: 'a-secret-that-both-sides-know-0123456789',
 *   issuer: 'https://shop.example',
 *   audience: 'ringhub',
 *   subject: 'alice',
 * });
 * console.log(made.split('.').length);
 * ```
 *
 * @throws TypeError where the key, or a field, is none that a hub would take
 */
export async function createToken(request: TokenRequest): Promise<string> {
  const { issuer, audience, subject, role, permissions, keyId, expiresInSec = 900 } = request;
  if (!issuer || !audience) throw new TypeError('a token needs issuer and audience, as the hub has them');
  if (!subject || subject.length > 128) throw new TypeError('a subject has 1 to 128 characters');
  if (!(Number.isSafeInteger(expiresInSec) && expiresInSec > 0)) {
    throw new TypeError('expiresInSec is a whole number of seconds above 0');
  }
  const { key, algorithm, name } = await signingKey(request);
  const iat = Math.floor(Date.now() / 1000);
  const ringhub = role !== undefined || permissions !== undefined ? { role, permissions } : undefined;
  const claims = { iss: issuer, aud: audience, sub: subject, iat, exp: iat + expiresInSec, ringhub };
  const input = [{ alg: name, typ: 'JWT', kid: keyId }, claims]
    .map((part) => base64url(bytesOf(JSON.stringify(part))))
    .join('.');
  const signature = await crypto.subtle.sign(algorithm, key, bytesOf(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

interface SigningKey {
  readonly key: CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash?: string };
  /** As the token's header names it. */
  readonly name: 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
}

const MIN_SECRET_BYTES = 32;

/** Object identifiers, in hexadecimal, by which a PKCS #8 key says what it is. */
const KINDS = [
  {
    oid: '2a8648ce3d030107',
    name: 'ES256',
    algorithm: { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' },
  },
  { oid: '2b6570', name: 'EdDSA', algorithm: { name: 'Ed25519' } },
  { oid: '2a864886f70d010101', name: 'RS256', algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } },
] as const;
/** They stand before the key itself. */
const OID_WITHIN_BYTES = 40;

async function signingKey({ secret, privateKey }: TokenRequest): Promise<SigningKey> {
  if (secret !== undefined) {
    const bytes = bytesOf(secret);
    if (bytes.length < MIN_SECRET_BYTES) {
      throw new TypeError(
        `a secret has at least ${MIN_SECRET_BYTES} bytes: make one with "ringhub token generate"`,
      );
    }
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    return {
      key: await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']),
      algorithm,
      name: 'HS256',
    };
  }
  const [, body] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----/.exec(privateKey ?? '') ?? [];
  if (body === undefined) {
    throw new TypeError(
      'a token needs secret, or privateKey in PKCS #8 PEM form: openssl pkcs8 -topk8 -nocrypt turns others into it',
    );
  }
  const der = Uint8Array.from(atob(body.replace(/\s/g, '')), (char) => char.charCodeAt(0));
  const head = Array.from(der.subarray(0, OID_WITHIN_BYTES), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  const kind = KINDS.find(({ oid }) => head.includes(oid));
  if (!kind) throw new TypeError('the private key is neither EC on P-256, nor Ed25519, nor RSA');
  const { name, algorithm } = kind;
  return { key: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']), algorithm, name };
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (char) => ({ '+': '-', '/': '_' })[char] ?? '');
