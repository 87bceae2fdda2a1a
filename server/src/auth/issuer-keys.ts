/**
 * The keys of one issuer, and which of them a token's signature is checked with.
 *
 * A key is good for exactly one algorithm, which follows from what it is, never from what a token says: a token
 * that names another one finds no key. So no public key is ever taken for a shared secret.
 */
import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';

export const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** A key, and the name that tokens call it by, where it has one. */
export interface IssuerKey {
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
  readonly kid?: string;
}

/** Why there is no key. */
export interface NoKey {
  readonly reason: string;
}

export interface KeySource {
  find(algorithm: Algorithm, kid: string | undefined): IssuerKey | NoKey | Promise<IssuerKey | NoKey>;
}

export const NO_KEY: NoKey = { reason: 'its issuer has no such key' };
/** More are not looked at: an issuer has two or three. */
export const MAX_KEYS = 64;
const MAX_KID_LENGTH = 256;
const MIN_RSA_BITS = 2048;

/** Keys that are known from the start. */
export class FixedKeys implements KeySource {
  constructor(private readonly keys: readonly IssuerKey[]) {}

  find(algorithm: Algorithm, kid: string | undefined): IssuerKey | NoKey {
    return chosenOf(this.keys, algorithm, kid);
  }
}

/** The key of that name; where the name or the keys' are missing, the only one for the algorithm. */
export function chosenOf(
  keys: readonly IssuerKey[],
  algorithm: Algorithm,
  kid: string | undefined,
): IssuerKey | NoKey {
  const fit = keys.filter((one) => one.algorithm === algorithm);
  const named = kid === undefined ? fit : fit.filter((one) => one.kid === undefined || one.kid === kid);
  return named.length === 1 ? named[0]! : NO_KEY;
}

export const secretKey = (secret: string): IssuerKey => ({
  key: createSecretKey(Buffer.from(secret)),
  algorithm: 'HS256',
});

/** Keys of a PEM text, a JWK or a JWKS; or why there is none. */
export function publicKeysIn(text: string): readonly IssuerKey[] | NoKey {
  if (text.startsWith('{')) {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return { reason: 'it is no JSON' };
    }
    const keys = keysInSet(isObject(document) && 'kty' in document ? { keys: [document] } : document);
    return keys.length > 0 ? keys : { reason: 'it holds no public key that can check a signature' };
  }
  if (text.includes('PRIVATE KEY'))
    return { reason: 'it is a private key: the hub needs the public one only' };
  try {
    const key = createPublicKey(text);
    const algorithm = algorithmOf(key);
    return algorithm ? [{ key, algorithm }] : { reason: WEAK };
  } catch {
    return { reason: 'it is neither a public key in PEM form, nor a certificate, nor a JWK or JWKS' };
  }
}

const WEAK = `it is neither RSA of ${MIN_RSA_BITS} bits or more, nor EC on P-256, nor Ed25519`;

/** The usable keys of a JWKS; others are passed over: an issuer may have some for other purposes. */
export function keysInSet(document: unknown): IssuerKey[] {
  const listed: unknown = isObject(document) ? document.keys : undefined;
  const keys: IssuerKey[] = [];
  for (const jwk of Array.isArray(listed) ? listed.slice(0, MAX_KEYS) : []) {
    const key = isObject(jwk) ? keyOf(jwk) : undefined;
    // Of two with one name the first counts: a token cannot say which it means.
    if (key && !keys.some(({ kid, algorithm }) => kid === key.kid && algorithm === key.algorithm))
      keys.push(key);
  }
  return keys;
}

/** A shared secret is none that may be published, and a private key shows that something went badly wrong. */
function keyOf(jwk: Record<string, unknown>): IssuerKey | undefined {
  const { kty, kid, use, alg, d } = jwk;
  if (kty === 'oct' || d !== undefined || (use !== undefined && use !== 'sig')) return undefined;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return undefined;
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    const algorithm = algorithmOf(key);
    if (!algorithm || (alg !== undefined && alg !== algorithm && alg !== 'Ed25519')) return undefined;
    return { key, algorithm, ...(kid !== undefined && { kid }) };
  } catch {
    return undefined;
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Algorithm | undefined {
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? 'RS256' : undefined;
    case 'ec':
      return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
    case 'ed25519':
      return 'EdDSA';
    default:
      return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
