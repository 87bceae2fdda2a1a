/**
 * Which web pages may talk to this hub, for HTTP and for WebSocket handshakes alike.
 *
 * Browsers add the `Origin` of a page to what it sends elsewhere. Only the origins of an exact allowlist and
 * the hub's own pages pass; a caller without an origin is no page and needs its token only. A dev hub, whose
 * pages get a token for the asking, also wants to be called by a loopback name: a foreign name that points to
 * this machine (DNS rebinding) would make a foreign page "our own".
 */
import type { Caller } from '../ports/caller.ts';

export interface CallerRules {
  /** Exact origins besides the hub's own, such as `https://app.example.com`. */
  readonly origins: readonly string[];
  readonly loopbackOnly: boolean;
}

/** Why a caller is refused, or `undefined`: then it is not. */
export function objectionTo(caller: Caller, rules: CallerRules): string | undefined {
  const { origin, host } = caller;
  if (rules.loopbackOnly && !isLoopbackHost(host)) {
    return 'a dev hub answers to localhost only: use http://localhost or http://127.0.0.1';
  }
  if (origin === undefined || rules.origins.includes(origin) || isOwnOrigin(origin, caller)) return undefined;
  return 'this origin is not allowed: add it to http.origins, or where a proxy is before the hub, set proxy.trusted';
}

/** Scheme, name and port are those by which the caller reached the hub. */
export function isOwnOrigin(origin: string, { host, isSecure }: Caller): boolean {
  const url = parseUrl(origin);
  if (host === undefined || url === undefined) return false;
  if (isSecure !== undefined && url.protocol !== (isSecure ? 'https:' : 'http:')) return false;
  return url.host === parseUrl(`${url.protocol}//${host}`)?.host;
}

export function isLoopbackHost(host: string | undefined): boolean {
  const name = host === undefined ? undefined : parseUrl(`http://${host}`)?.hostname;
  return name !== undefined && isLoopbackName(name);
}

/** `localhost`, its subdomains, 127.0.0.0/8 and ::1, as URLs write them. */
export const isLoopbackName = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '[::1]' ||
  name === '::1' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
