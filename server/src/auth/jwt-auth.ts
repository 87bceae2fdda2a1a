/**
 * Auth by JSON Web Tokens of configured issuers (RFC 7519, 8725).
 *
 *     form ─► header ─► issuer, by the unverified iss ─► algorithm pinned? ─► key ─► signature, aud, dates ─► claims
 *
 * Nothing in a token chooses more than which of the configured issuers and of its keys is meant. What could lead
 * elsewhere (jku, x5u, jwk), mean two things (a name twice) or needs what is not done here (crit) is refused, however well signed.
 * `exp` holds to the second: a connection ends then, and must not come back with the same token.
 */
import { errors, jwtVerify } from 'jose';
import type { Admission, Auth, Denial, Principal } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import { hasDuplicateNames } from './duplicate-names.ts';
import { ALGORITHMS, type Algorithm, type KeySource } from './issuer-keys.ts';
import { type Identity, principalOf } from './principal.ts';
import { type ClaimRules, type Claims, identityOf, SKEW_S } from './token-claims.ts';

/** Whose tokens are believed, and how far. */
export interface Issuer extends ClaimRules {
  /** What `iss` has to be, letter for letter. */
  readonly issuer: string;
  /** One of these has to be in `aud`. */
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly keys: KeySource;
}

/** As long as PROTOCOL §3 lets any token be. */
const MAX_TOKEN_BYTES = 8192;
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const TYPES: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);
const REFUSED_HEADERS = ['crit', 'jku', 'jwk', 'x5u', 'b64', 'zip', 'enc'];
const MAX_KID_LENGTH = 256;

/** Whether it is worth being looked at as a token of an issuer. */
export const looksLikeJwt = (token: string): boolean => token.startsWith('eyJ') && token.includes('.');

export interface JwtAuthOptions {
  /** Subjects that no token may have, as they are those of API keys. */
  readonly taken?: ReadonlySet<string>;
  /** Makes of who somebody is what they may do. */
  readonly principal?: (identity: Identity) => Principal;
}

export class JwtAuth implements Auth {
  readonly name = 'jwt';
  private readonly issuers: ReadonlyMap<string, Issuer>;

  constructor(
    issuers: readonly Issuer[],
    private readonly clock: Clock,
    private readonly options: JwtAuthOptions = {},
  ) {
    this.issuers = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  }

  async authenticate(token: string | undefined): Promise<Admission> {
    if (token === undefined) return denied('there was no token');
    if (token.length > MAX_TOKEN_BYTES) return denied('the token is too long');
    if (!FORM.test(token)) return denied('the token is no signed JWT');
    const [head, body] = token.split('.') as [string, string, string];
    const header = objectIn(head);
    const unverified = objectIn(body);
    if (!header || !unverified) return denied('the token is not of two JSON objects without a name twice');
    const fault = headerFault(header);
    if (fault) return denied(fault);
    const { iss } = unverified;
    const issuer = typeof iss === 'string' ? this.issuers.get(iss) : undefined;
    if (!issuer) return denied('the token is of no issuer that is configured');
    const algorithm = issuer.algorithms.find((one) => one === header.alg);
    if (!algorithm)
      return denied('the token is signed by an algorithm that its issuer is not configured for');
    const found = await issuer.keys.find(algorithm, header.kid as string | undefined);
    if ('reason' in found) return denied(found.reason);
    try {
      const { payload } = await jwtVerify(token, found.key, {
        algorithms: [algorithm],
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: SKEW_S,
        currentDate: new Date(this.clock.wallMs()),
      });
      return this.admit(payload, issuer);
    } catch (error) {
      return denialOf(error);
    }
  }

  private admit(claims: Claims, issuer: Issuer): Admission {
    const nowMs = this.clock.wallMs();
    const identity = identityOf(claims, issuer, nowMs);
    if ('reason' in identity) return denied(`of the token’s claims: ${identity.reason}`);
    if ((identity.expiresAtMs ?? 0) <= nowMs) return EXPIRED;
    const { taken, principal = principalOf } = this.options;
    if (taken?.has(identity.subject)) return denied('its subject is that of an API key');
    return principal(identity);
  }
}

const denied = (reason: string): Denial => ({ denied: 'unauthorized', reason });
const EXPIRED: Denial = { denied: 'token-expired', reason: 'the token has expired' };

function denialOf(error: unknown): Denial {
  if (error instanceof errors.JWTExpired) return EXPIRED;
  // Names a claim or a check, never a value.
  if (error instanceof errors.JWTClaimValidationFailed)
    return denied(`its claim ${error.claim} is not right`);
  if (error instanceof errors.JOSEError) return denied(`its signature could not be checked (${error.code})`);
  return denied('its signature could not be checked');
}

function headerFault(header: Claims): string | undefined {
  const { alg, typ, kid } = header;
  if (!ALGORITHMS.some((one) => one === alg)) return 'the token’s algorithm is none that is ever accepted';
  if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) return 'the token is of another type';
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) {
    return 'the name of the token’s key is none';
  }
  const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name));
  return refused && `the token has the header ${refused}, which is never followed`;
}

/** The JSON object in a part of a token; `undefined` where it is none, or says something twice. */
function objectIn(part: string): Claims | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return hasDuplicateNames(text) ? undefined : (value as Claims);
  } catch {
    return undefined;
  }
}
