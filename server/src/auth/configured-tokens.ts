/**
 * The secrets of the configuration, checked before anything listens: a weak one is worse than none.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Role } from '../ports/auth.ts';
import type { TokenGrant } from './token-auth.ts';
import { weaknessOf } from './weak-secret.ts';

export interface ConfiguredToken {
  readonly token?: string | undefined;
  /** File that holds the token and nothing else, for secrets that are mounted. */
  readonly tokenFile?: string | undefined;
  readonly subject: string;
  readonly role: Role;
}

export interface ReadTokens {
  readonly grants: readonly TokenGrant[];
  /** Why the hub must not start, one line each. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const READABLE_BY_OTHERS = 0o004;

export function readTokens(configured: readonly ConfiguredToken[]): ReadTokens {
  const grants: TokenGrant[] = [];
  const faults: string[] = [];
  const warnings: string[] = [];
  for (const [index, { token, tokenFile, subject, role }] of configured.entries()) {
    const at = `auth.tokens[${index}] (${subject})`;
    const secret = token ?? readSecret(tokenFile ?? '');
    const weakness = secret === undefined ? undefined : weaknessOf(secret);
    if (secret === undefined) {
      faults.push(`${at}: cannot read ${tokenFile}`);
    } else if (weakness !== undefined) {
      faults.push(`${at}: a token ${weakness}: make one with "openssl rand -base64 32"`);
    } else if (grants.some((grant) => grant.token === secret)) {
      faults.push(`${at}: another entry has the same token`);
    } else {
      grants.push({ token: secret, subject, role });
    }
    if (tokenFile !== undefined && secret !== undefined && isReadableByOthers(tokenFile)) {
      warnings.push(`${tokenFile} can be read by every user of this machine: chmod 600 it`);
    }
  }
  return { grants, faults, warnings };
}

function readSecret(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function isReadableByOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & READABLE_BY_OTHERS) !== 0;
}
