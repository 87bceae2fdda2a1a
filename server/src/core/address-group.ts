/**
 * Whom an address stands for: an IPv4 address for itself, an IPv6 address for its /64, which one subscriber has all of.
 *
 * Transports write addresses differently (`::1`, or all eight groups); IPv4 within IPv6 is IPv4. What is no address stands
 * for itself.
 */
const GROUPS = 8;
const NETWORK_GROUPS = 4;
const MAPPED = 0xffff;

export function addressGroup(address: string): string {
  const [text = ''] = address.split('%', 1);
  const groups = groupsOf(text);
  if (!groups) return text;
  const [a, b, c, d, e, f, high = 0, low = 0] = groups;
  if (!(a || b || c || d || e) && f === MAPPED) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const isLocal = groups.slice(0, -1).every((group) => group === 0);
  return isLocal
    ? '::1'
    : `${groups
        .slice(0, NETWORK_GROUPS)
        .map((group) => group.toString(16))
        .join(':')}::/64`;
}

/** The eight groups of an IPv6 address, or `undefined` where it is none. */
function groupsOf(text: string): number[] | undefined {
  if (!text.includes(':')) return undefined;
  const [front = '', back, more] = text.split('::');
  if (more !== undefined) return undefined;
  const [before, after] = [partsOf(front), partsOf(back ?? '')];
  if (!before || !after) return undefined;
  const missing = GROUPS - before.length - after.length;
  if (back === undefined ? missing !== 0 : missing < 0) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

function partsOf(text: string): number[] | undefined {
  const parts: number[] = [];
  if (text === '') return parts;
  for (const part of text.split(':')) {
    const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(part)?.slice(1).map(Number);
    if (ipv4)
      parts.push(
        ((ipv4[0] as number) << 8) | (ipv4[1] as number),
        ((ipv4[2] as number) << 8) | (ipv4[3] as number),
      );
    else if (/^[0-9a-f]{1,4}$/i.test(part)) parts.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return parts;
}
