/**
 * Section `proxy`: what stands before the hub and may say who calls. Without it no header is believed.
 */
import { isIP } from 'node:net';
import * as z from 'zod';

const NETWORK = 'must be an address or a network, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8';
const MAX_BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const maxBits = MAX_BITS[isIP(address)];
  return maxBits !== undefined && (bits === undefined || Number(bits) <= maxBits);
}

export const proxySettings = z.strictObject({
  trusted: z
    .array(z.string().refine(isNetwork, NETWORK))
    .max(1_000)
    .default([])
    .describe('Addresses of proxies that reach the hub; their headers, and nobody else’s, say who calls'),
  headers: z
    .enum(['x-forwarded', 'forwarded'])
    .default('x-forwarded')
    .describe('Which headers the proxies write; the others come from clients and are passed over'),
});
