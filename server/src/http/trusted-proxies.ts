/**
 * Who calls where a proxy stands before the hub: its headers are believed only from addresses that the operator has named.
 *
 * A header says what its sender likes. So the addresses of `X-Forwarded-For` are read from the right, where the nearest
 * proxy has written, and the first that is not a trusted proxy's own is the client. Of the two families of
 * headers exactly one is read: a proxy that writes one of them passes the other through as the client sent it.
 */
import { BlockList, isIP } from 'node:net';
import { type Caller, directCaller, type ReadCaller, type ReadHeader } from '../ports/caller.ts';

/** Which headers the proxies write: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239). */
export type ProxyHeaders = 'x-forwarded' | 'forwarded';

export interface ProxySettings {
  /** Addresses and networks such as `10.0.0.0/8` or `fd00::/8`. */
  readonly trusted: readonly string[];
  readonly headers?: ProxyHeaders;
}

/** The reader of callers for these settings; without trusted addresses it believes no header about them. */
export function callersBehind({ trusted, headers = 'x-forwarded' }: ProxySettings): ReadCaller {
  const isTrusted = membershipOf(trusted);
  const hopsOf = headers === 'forwarded' ? hopsOfForwarded : hopsOfXForwarded;
  return ({ address, isSecure }, header) => {
    const direct = directCaller({ address: canonicalAddress(address) ?? address, isSecure }, header);
    return trusted.length > 0 && isTrusted(direct.address)
      ? behind(direct, hopsOf(header), isTrusted)
      : direct;
  };
}

/** What proxies tell of one request, in the order in which they wrote it. */
interface Hops {
  /** As written, ports and brackets included. */
  readonly addresses: readonly string[];
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

function behind(
  direct: Caller,
  { addresses, proto, host }: Hops,
  isTrusted: (address: string) => boolean,
): Caller {
  let { address } = direct;
  for (const written of addresses.toReversed()) {
    const hop = addressIn(written);
    // Words such as "unknown": further left nothing can be believed.
    if (hop === undefined) break;
    address = hop;
    if (!isTrusted(hop)) break;
  }
  const scheme = proto?.toLowerCase();
  const isSecure = scheme === 'https' || scheme === 'wss' ? true : scheme === undefined ? undefined : false;
  return { ...direct, address, host: host ?? direct.host, isSecure };
}

/** Which addresses are proxies'. */
export const isProxyIn = ({ trusted }: ProxySettings): ((address: string) => boolean) => {
  const isTrusted = membershipOf(trusted);
  return (address) => isTrusted(canonicalAddress(address) ?? address);
};

function membershipOf(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const version = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, version);
    else list.addSubnet(address, Number(bits), version);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function addressIn(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d*)?$/.exec(text)?.[1] ?? /^([\d.]+):\d*$/.exec(text)?.[1] ?? text;
  return canonicalAddress(bare);
}

const partsOf = (list: string | undefined): string[] =>
  (list ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));

function hopsOfXForwarded(header: ReadHeader): Hops {
  return {
    addresses: partsOf(header('x-forwarded-for')),
    proto: partsOf(header('x-forwarded-proto')).at(-1),
    host: partsOf(header('x-forwarded-host')).at(-1),
  };
}

/** One `name=value` and what ends it. */
const FORWARDED_PAIR = /\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*([;,]|$)/y;
const UNREADABLE: Hops = { addresses: [], proto: undefined, host: undefined };

function hopsOfForwarded(header: ReadHeader): Hops {
  const text = header('forwarded') ?? '';
  const addresses: string[] = [];
  let element = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    FORWARDED_PAIR.lastIndex = at;
    const found = FORWARDED_PAIR.exec(text);
    // As a quote that a client left open: what follows it was perhaps not written by a proxy.
    if (!found) return UNREADABLE;
    const [whole, name = '', quoted, plain = '', end] = found;
    element.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    at += whole.length;
    if (end === ';') continue;
    // A hop that names nobody: further left nothing can be believed.
    addresses.push(element.get('for') ?? 'unknown');
    if (at < text.length) element = new Map();
  }
  return { addresses, proto: element.get('proto'), host: element.get('host') };
}

const IPV4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;
const IPV4_INSIDE_IPV6 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** One way to write each address, so that equal ones are equal texts; `undefined` for what is none. */
export function canonicalAddress(text: string): string | undefined {
  const ipv4 = IPV4.exec(text)?.[1];
  if (ipv4 !== undefined) return ipv4.split('.').every((part) => Number(part) < 256) ? ipv4 : undefined;
  const url = `http://[${text}]`;
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(url)) return undefined;
  const ipv6 = new URL(url).hostname.slice(1, -1);
  const [, high, low] = IPV4_INSIDE_IPV6.exec(ipv6) ?? [];
  if (high === undefined || low === undefined) return ipv6;
  const bytes = Buffer.from(high.padStart(4, '0') + low.padStart(4, '0'), 'hex');
  return [...bytes].join('.');
}
