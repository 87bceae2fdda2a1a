/**
 * The issuers of the configuration (`auth.jwt`), with their keys read and checked before anything listens.
 */
import type { Clock } from '../ports/clock.ts';
import {
  type Algorithm,
  FixedKeys,
  type IssuerKey,
  type KeySource,
  publicKeysIn,
  secretKey,
} from './issuer-keys.ts';
import type { Issuer } from './jwt-auth.ts';
import { RemoteKeys } from './remote-keys.ts';
import { secretFault } from './secret-faults.ts';
import { readSecretFile, secretFileWarning } from './secret-file.ts';

export interface ConfiguredIssuer {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly secret?: string | undefined;
  readonly secretFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly jwksUrl?: string | undefined;
  readonly roles: readonly string[];
  readonly roleClaim: string;
  readonly subjectPrefix: string;
  readonly maxLifetimeMs: number;
}

export interface ReadIssuers {
  readonly issuers: readonly Issuer[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** @param onTrouble told when an issuer's keys could not be had from its URL */
export function readIssuers(
  configured: readonly ConfiguredIssuer[],
  clock: Clock,
  onTrouble: (trouble: string) => void,
): ReadIssuers {
  const issuers: Issuer[] = [];
  const faults: string[] = [];
  const warnings: string[] = [];
  for (const [index, entry] of configured.entries()) {
    const at = `auth.jwt[${index}] (${entry.issuer})`;
    const { secretFile, issuer, audience, algorithms, roles, roleClaim, subjectPrefix, maxLifetimeMs } =
      entry;
    const read = keysOf(entry, clock, onTrouble);
    if ('fault' in read) {
      faults.push(`${at}: ${read.fault}`);
      continue;
    }
    if (issuers.some((other) => other.issuer === issuer)) {
      faults.push(`${at}: another entry has the same issuer`);
      continue;
    }
    if (issuers.some((other) => other.subjectPrefix === subjectPrefix)) {
      warnings.push(
        `${at}: another issuer has the same subjectPrefix: where both name the same subject, it is the same to the hub`,
      );
    }
    const warning = secretFile !== undefined && secretFileWarning(secretFile);
    if (warning) warnings.push(warning);
    issuers.push({
      issuer,
      audience: typeof audience === 'string' ? [audience] : audience,
      algorithms,
      keys: read.keys,
      roles,
      roleClaim,
      subjectPrefix,
      maxLifetimeMs,
    });
  }
  return { issuers, faults, warnings };
}

type ReadKeys = { readonly keys: KeySource } | { readonly fault: string };

function keysOf(entry: ConfiguredIssuer, clock: Clock, onTrouble: (trouble: string) => void): ReadKeys {
  const { algorithms, secretFile, keyFile, jwksUrl } = entry;
  if (jwksUrl !== undefined) return { keys: new RemoteKeys({ url: jwksUrl, clock, onTrouble }) };
  if (keyFile !== undefined) {
    const text = readSecretFile(keyFile);
    if (text === undefined) return { fault: `cannot read ${keyFile}` };
    const keys = publicKeysIn(text);
    return 'reason' in keys ? { fault: `${keyFile}: ${keys.reason}` } : fixed(keys, algorithms);
  }
  const secret = entry.secret ?? readSecretFile(secretFile ?? '');
  if (secret === undefined) return { fault: `cannot read ${secretFile}` };
  const fault = secretFault(secret);
  return fault === undefined ? fixed([secretKey(secret)], algorithms) : { fault };
}

/** Every algorithm has a key, and every key one: what nobody could use was meant otherwise. */
function fixed(keys: readonly IssuerKey[], algorithms: readonly Algorithm[]): ReadKeys {
  const unused = algorithms.find((algorithm) => !keys.some((key) => key.algorithm === algorithm));
  if (unused === undefined) return { keys: new FixedKeys(keys) };
  const there = [...new Set(keys.map(({ algorithm }) => algorithm))].join(', ');
  return { fault: `there is no key for ${unused}: what is there is for ${there}` };
}
