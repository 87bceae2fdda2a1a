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
    token: z.string().optional().describe('The key itself, of 32 bytes at least'),
    tokenFile: z.string().optional().describe('File that holds the key and nothing else'),
    tokenHash: z.string().optional().describe('sha256:… of the key, as "ringhub token hash" prints it'),
    subject: subject.describe('Who shows it'),
    role: roleName.describe('What who shows it may do and take'),
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
    issuer: name.describe('What iss of its tokens is'),
    audience: z
      .union([name, z.array(name).min(1).max(16)])
      .describe('What aud of its tokens names; of several, one is enough'),
    algorithms: z
      .array(z.enum(['HS256', 'RS256', 'ES256', 'EdDSA']))
      .min(1)
      .describe('How its tokens are signed; others are refused'),
    secret: z.string().optional().describe('For HS256: what both sides know'),
    secretFile: z.string().optional().describe('For HS256: file that holds the secret and nothing else'),
    keyFile: z
      .string()
      .optional()
      .describe('For the others: a public key or certificate in PEM form, a JWK or a JWKS'),
    jwksUrl: z
      .string()
      .refine(isSafeUrl, 'must be an https URL without a name or password in it')
      .optional()
      .describe('For the others: where the issuer publishes its keys'),
    roles: z
      .array(roleName)
      .min(1)
      .max(16)
      .default(['browser'])
      .describe('Roles that its tokens may claim; those that claim none have the first'),
    roleClaim: z.string().min(1).max(128).default('ringhub.role').describe('The claim that names the role'),
    subjectPrefix: z.string().max(64).default('').describe('Stands before the subject of each of its tokens'),
    maxLifetimeMs: duration.default(24 * HOUR_MS).describe('Tokens that are valid for longer are refused'),
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
  tokens: z.array(tokenGrant).max(1_000).default([]).describe('API keys, for servers'),
  jwt: z.array(issuer).max(16).default([]).describe('Issuers of JSON Web Tokens'),
  anonymous: z
    .strictObject({
      role: roleName.describe('What it may do and take'),
      subject: subject.default('anonymous').describe('Who it is'),
    })
    .optional()
    .describe('Lets in whoever shows no token'),
  lockout: z
    .strictObject({
      failures: z.int().min(0).default(10).describe('Wrong tokens of one address; 0 for no lockout'),
      windowMs: duration.default(MINUTE_MS).describe('Within which they count'),
      lockMs: duration.default(MINUTE_MS).describe('How long the address is not looked at then'),
    })
    .prefault({})
    .describe('Keeps addresses from guessing tokens'),
});
