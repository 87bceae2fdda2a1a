/**
 * The API keys of the configuration (`auth.tokens`), checked before anything listens.
 */
import type { Role } from '../ports/auth.ts';
import { secretFault } from './secret-faults.ts';
import { readSecretFile, secretFileWarning } from './secret-file.ts';
import { digestOf, type TokenGrant } from './token-auth.ts';

export interface ConfiguredToken {
  readonly token?: string | undefined;
  /** File that holds the token and nothing else, for secrets that are mounted. */
  readonly tokenFile?: string | undefined;
  /** `sha256:` and 64 hexadecimal digits: then the configuration holds no secret. */
  readonly tokenHash?: string | undefined;
  readonly subject: string;
  readonly role: Role;
}

export interface ReadTokens {
  readonly grants: readonly TokenGrant[];
  /** Why the hub must not start, one line each. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const HASH_PREFIX = 'sha256:';
const HASH = /^sha256:([0-9a-f]{64})$/i;
const PRINTABLE = /^[\x21-\x7e]*$/;

/** As `tokenHash` has it. */
export const hashOf = (token: string): string => HASH_PREFIX + digestOf(token).toString('hex');

export function readTokens(configured: readonly ConfiguredToken[]): ReadTokens {
  const grants: TokenGrant[] = [];
  const faults: string[] = [];
  const warnings: string[] = [];
  const digests = new Set<string>();
  for (const [index, entry] of configured.entries()) {
    const read = readToken(entry);
    const digest = 'fault' in read ? '' : (read.sha256 ?? digestOf(read.token)).toString('hex');
    const fault =
      'fault' in read ? read.fault : digests.has(digest) ? 'another entry has the same token' : undefined;
    if (fault !== undefined) faults.push(`auth.tokens[${index}] (${entry.subject}): ${fault}`);
    else if (!('fault' in read)) grants.push(read);
    digests.add(digest);
    const { tokenFile } = entry;
    const warning = tokenFile !== undefined && !('fault' in read) && secretFileWarning(tokenFile);
    if (warning) warnings.push(warning);
  }
  return { grants, faults, warnings };
}

function readToken({ token, tokenFile, tokenHash, subject, role }: ConfiguredToken) {
  if (tokenHash !== undefined) {
    const [, digits] = HASH.exec(tokenHash) ?? [];
    if (digits === undefined) {
      return {
        fault: 'tokenHash is "sha256:" and 64 hexadecimal digits: make it with "ringhub token hash"',
      };
    }
    return { sha256: Buffer.from(digits, 'hex'), subject, role };
  }
  const secret = token ?? readSecretFile(tokenFile ?? '');
  if (secret === undefined) return { fault: `cannot read ${tokenFile}` };
  if (!PRINTABLE.test(secret)) {
    return {
      fault: 'a token is of printable characters without spaces: make one with "ringhub token generate"',
    };
  }
  const fault = secretFault(secret);
  return fault === undefined ? { token: secret, subject, role } : { fault };
}
