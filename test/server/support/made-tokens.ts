/**
 * JSON Web Tokens made by hand, so that they can be wrong in every way: signed by node:crypto, with no library that
 * would refuse to.
 */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { type Algorithm, FixedKeys, keysInSet, secretKey } from '../../../server/src/auth/issuer-keys.ts';
import type { Issuer } from '../../../server/src/auth/jwt-auth.ts';

export type Json = Record<string, unknown>;
export type MadeAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

export const base64url = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url');

/** What makes a signature over the two parts. */
export type Signer = (input: string) => string;

export const hmac =
  (secret: string | Uint8Array): Signer =>
  (input) =>
    createHmac('sha256', secret).update(input).digest('base64url');

export function signedBy(key: KeyObject, form: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signer {
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return (input) => sign(hash, Buffer.from(input), { key, dsaEncoding: form }).toString('base64url');
}

/** Header and claims as objects, or as the very text. */
export function madeToken(header: Json | string, claims: Json | string, signer: Signer): string {
  const part = (value: Json | string) => base64url(typeof value === 'string' ? value : JSON.stringify(value));
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signer(input)}`;
}

/** Key pairs are slow to make: once a process. */
const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  otherRsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  otherEc: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  ed: generateKeyPairSync('ed25519'),
  otherEd: generateKeyPairSync('ed25519'),
};

/** An issuer of tests: what it signs with, and what a hub has to know of it. */
export interface TestIssuer {
  readonly issuer: string;
  readonly algorithm: MadeAlgorithm;
  readonly signer: Signer;
  /** Of somebody who has a key of the same kind, but not this one. */
  readonly stranger: Signer;
  /** The right key, in a form that JSON Web Tokens do not have. */
  readonly misshapen?: Signer;
  readonly kid?: string;
  /** Of HS256, the secret. */
  readonly secret?: string;
  readonly publicKey?: KeyObject;
}

export const SECRET = 'a-long-Secret/of_this-test.0123456';

export const HS: TestIssuer = {
  issuer: 'https://hs.test',
  algorithm: 'HS256',
  signer: hmac(SECRET),
  stranger: hmac(`${SECRET}!`),
  secret: SECRET,
};

export const RS: TestIssuer = {
  issuer: 'https://rs.test',
  algorithm: 'RS256',
  signer: signedBy(pairs.rsa.privateKey),
  stranger: signedBy(pairs.otherRsa.privateKey),
  kid: 'rsa-1',
  publicKey: pairs.rsa.publicKey,
};

export const ES: TestIssuer = {
  issuer: 'https://es.test',
  algorithm: 'ES256',
  signer: signedBy(pairs.ec.privateKey),
  stranger: signedBy(pairs.otherEc.privateKey),
  misshapen: signedBy(pairs.ec.privateKey, 'der'),
  kid: 'ec-1',
  publicKey: pairs.ec.publicKey,
};

export const ED: TestIssuer = {
  issuer: 'https://ed.test',
  algorithm: 'EdDSA',
  signer: signedBy(pairs.ed.privateKey),
  stranger: signedBy(pairs.otherEd.privateKey),
  kid: 'ed-1',
  publicKey: pairs.ed.publicKey,
};

export const AUDIENCE = 'ringhub.test';

export const headerOf = ({ algorithm, kid }: TestIssuer, more: Json = {}): Json => ({
  alg: algorithm,
  typ: 'JWT',
  ...(kid !== undefined && { kid }),
  ...more,
});

/** Claims with which a token of this issuer is good for ten minutes. */
export const claimsOf = ({ issuer }: TestIssuer, nowS: number, more: Json = {}): Json => ({
  iss: issuer,
  aud: AUDIENCE,
  sub: 'alice',
  iat: nowS,
  exp: nowS + 600,
  ...more,
});

/** A token that lets somebody in. */
export const goodToken = (issuer: TestIssuer, nowS: number, claims: Json = {}, header: Json = {}): string =>
  madeToken(headerOf(issuer, header), claimsOf(issuer, nowS, claims), issuer.signer);

/** As a hub is configured for it. */
export const issuerOf = (of: TestIssuer, more: Partial<Issuer> = {}): Issuer => ({
  issuer: of.issuer,
  audience: [AUDIENCE],
  algorithms: [of.algorithm as Algorithm],
  keys: new FixedKeys(
    of.publicKey
      ? keysInSet({ keys: [{ ...of.publicKey.export({ format: 'jwk' }), kid: of.kid }] })
      : [secretKey(SECRET)],
  ),
  roles: ['browser'],
  roleClaim: 'ringhub.role',
  subjectPrefix: '',
  maxLifetimeMs: 24 * 3_600_000,
  ...more,
});
