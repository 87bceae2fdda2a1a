/**
 * Section `auth`: who may come in. What is in the files that it names is read and checked by `auth/configured-auth.ts`.
 */
import * as z from 'zod';
import { roleName } from './role-settings.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const subject = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'a subject has no control characters');
const duration = z.int().min(1).describe('ms');

/** Whether exactly one of these is given. */
const isOneOf = (...values: unknown[]): boolean => values.filter((value) => value !== undefined).length === 1;

const tokenGrant = z
  .strictObject({
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    /** `sha256:…` of the token, as `ringhub token hash` prints it. */
    tokenHash: z.string().optional(),
    subject,
    role: roleName,
  })
  .refine(({ token, tokenFile, tokenHash }) => isOneOf(token, tokenFile, tokenHash), {
    error: 'needs one of token, tokenFile and tokenHash',
  });

/** Over plain http anybody on the way could choose the keys. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname))
  );
}

const name = z.string().min(1).max(512);

const issuer = z
  .strictObject({
    /** What `iss` of its tokens is. */
    issuer: name,
    /** What `aud` of its tokens names; of several, one is enough. */
    audience: z.union([name, z.array(name).min(1).max(16)]),
    algorithms: z.array(z.enum(['HS256', 'RS256', 'ES256', 'EdDSA'])).min(1),
    /** For HS256: what both sides know. */
    secret: z.string().optional(),
    secretFile: z.string().optional(),
    /** For the others: a public key or certificate in PEM form, a JWK or a JWKS … */
    keyFile: z.string().optional(),
    /** … or where the issuer publishes its keys. */
    jwksUrl: z.string().refine(isSafeUrl, 'must be an https URL without a name or password in it').optional(),
    /** Roles that its tokens may claim; those that claim none have the first. */
    roles: z.array(roleName).min(1).max(16).default(['browser']),
    roleClaim: z.string().min(1).max(128).default('ringhub.role'),
    /** Stands before the subject of each of its tokens. */
    subjectPrefix: z.string().max(64).default(''),
    maxLifetimeMs: duration.default(24 * HOUR_MS),
  })
  .refine(({ secret, secretFile, keyFile, jwksUrl }) => isOneOf(secret, secretFile, keyFile, jwksUrl), {
    error: 'needs one of secret, secretFile, keyFile and jwksUrl',
  })
  .refine(({ algorithms }) => !algorithms.includes('HS256') || algorithms.length === 1, {
    error: 'HS256 shares a secret, the other algorithms publish a key: make two entries',
  })
  .refine(
    ({ algorithms, secret, secretFile }) =>
      algorithms.includes('HS256') === (secret !== undefined || secretFile !== undefined),
    { error: 'HS256 needs secret or secretFile, the other algorithms keyFile or jwksUrl' },
  );

export const authSettings = z.strictObject({
  /** API keys, for servers. */
  tokens: z.array(tokenGrant).max(1_000).default([]),
  /** Issuers of JSON Web Tokens. */
  jwt: z.array(issuer).max(16).default([]),
  /** Lets in whoever shows no token. */
  anonymous: z.strictObject({ role: roleName, subject: subject.default('anonymous') }).optional(),
  /** An address that shows so many wrong tokens within the window is not looked at for a while; 0 for never. */
  lockout: z
    .strictObject({
      failures: z.int().min(0).default(10),
      windowMs: duration.default(MINUTE_MS),
      lockMs: duration.default(MINUTE_MS),
    })
    .prefault({}),
});
