/**
 * What is wrong with settings that are well-formed: files they name, secrets, where the hub would listen.
 */
import { readAuth } from '../auth/configured-auth.ts';
import type { Config } from '../config/read-config.ts';
import { exposureFaults, exposureWarnings } from '../http/exposure.ts';
import { readTls } from '../http/tls-files.ts';
import { nodeClock } from '../node-clock.ts';
import { NO_SECRET } from './no-secret.ts';

export interface Problems {
  /** Why a hub with these settings would not start, one line each. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Of the secrets that say who may come in. */
export function secretProblems({ auth, roles, dev }: Config): Problems {
  const read = readAuth(auth, Object.keys(roles), nodeClock, () => {});
  const { faults, warnings } = read;
  const isOpenTo = read.tokens.length > 0 || read.issuers.length > 0 || read.anonymous !== undefined;
  const missing = !dev && faults.length === 0 && !isOpenTo ? [NO_SECRET] : [];
  return { faults: [...faults, ...missing], warnings };
}

/** Of the certificate and its key; none where there is no TLS. */
export function tlsProblems({ tls }: Config, nowMs: number): Problems {
  if (!tls) return { faults: [], warnings: [] };
  const found = readTls(tls, nowMs);
  return found.kind === 'usable'
    ? { faults: [], warnings: found.warnings }
    : { faults: [found.why], warnings: [] };
}

/** Of where and how the hub would listen. */
export function exposureProblems({ host, dev, tls, proxy, http }: Config): Problems {
  const exposure = {
    host,
    dev,
    tls: tls !== undefined,
    trustedProxies: proxy.trusted,
    allowPlaintext: http.allowPlaintext,
    publicMetrics: http.publicMetrics ?? dev,
  };
  return { faults: exposureFaults(exposure), warnings: exposureWarnings(exposure) };
}

export function problemsOf(config: Config, nowMs: number): Problems {
  const all = [secretProblems(config), tlsProblems(config, nowMs), exposureProblems(config)];
  return {
    faults: all.flatMap(({ faults }) => faults),
    warnings: all.flatMap(({ warnings }) => warnings),
  };
}
