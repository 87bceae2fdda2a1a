/**
 * What is safe about where and how a hub listens, and what is not: refused unless the settings say that it is meant.
 *
 * A warning is something that the settings ask for and that makes the hub less safe; it is told at the start and by
 * `/readyz?verbose`, and so names no file and no secret.
 */
import { isLoopbackName } from './caller-rules.ts';

export interface Exposure {
  readonly host: string;
  readonly dev: boolean;
  readonly tls: boolean;
  /** Addresses of `proxy.trusted`. */
  readonly trustedProxies: readonly string[];
  /** The setting that lets tokens travel in the clear. */
  readonly allowPlaintext: boolean;
  readonly publicMetrics: boolean;
}

/** Why a hub with these settings must not listen, in one line that says what to do. */
export class Exposed extends Error {}

/** Why this hub must not start, one line each. */
export function exposureFaults({ host, dev, tls, trustedProxies, allowPlaintext }: Exposure): string[] {
  if (isLoopbackName(host)) return [];
  if (dev) {
    return [
      `--dev is for this machine only, not for ${host}, as a dev hub listens on loopback only: leave --host out, or configure auth.tokens`,
    ];
  }
  if (tls || trustedProxies.length > 0 || allowPlaintext) return [];
  return [
    `on ${host} tokens and messages would travel in the clear: choose one
  tls: { certFile: …, keyFile: … }        the hub speaks TLS itself
  proxy: { trusted: [10.0.0.5] }          a proxy at these addresses ends TLS before it
  http: { allowPlaintext: true }          neither, on a network that only friends can see
  host: 127.0.0.1                         for this machine only`,
  ];
}

/** What the settings ask for that makes this hub less safe. */
export function exposureWarnings(exposure: Exposure): string[] {
  const { host, dev, tls, trustedProxies, allowPlaintext, publicMetrics } = exposure;
  const warnings: string[] = [];
  if (allowPlaintext && !tls && !isLoopbackName(host) && trustedProxies.length === 0)
    warnings.push('http.allowPlaintext: tokens and messages travel in the clear');
  if (trustedProxies.some((network) => /\/0+$/.test(network)))
    warnings.push('proxy.trusted: everybody may say who they are: name the addresses of the proxies only');
  if (publicMetrics && !dev) warnings.push('http.publicMetrics: everybody may read /metrics');
  return warnings;
}
