/** Who calls, with and without proxies: what headers say counts only where a trusted address says it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOwnOrigin } from '../../server/src/http/caller-rules.ts';
import { callersBehind, type ProxySettings } from '../../server/src/http/trusted-proxies.ts';

const TRUSTED = ['10.0.0.0/8', '127.0.0.1', 'fd00::/8'];

const read = (peer: string, headers: Record<string, string>, settings: Partial<ProxySettings> = {}) =>
  callersBehind({ trusted: TRUSTED, ...settings })(
    { address: peer, isSecure: false },
    (name) => headers[name],
  );

describe('X-Forwarded-For', () => {
  it.each([
    ['from a stranger is passed over', '203.0.113.5', '1.2.3.4', '203.0.113.5'],
    ['names the client', '10.1.2.3', '198.51.100.7', '198.51.100.7'],
    [
      'is read from the right: what a client wrote itself stands left',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.7',
      '198.51.100.7',
    ],
    [
      'passes over proxies that are trusted, too',
      '10.1.2.3',
      '198.51.100.7, 10.9.9.9, 127.0.0.1',
      '198.51.100.7',
    ],
    ['of trusted addresses only names the first of them', '10.1.2.3', '10.4.4.4, 10.9.9.9', '10.4.4.4'],
    ['without an address ends there', '10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    [
      'behind a trusted hop without an address is that hop',
      '10.1.2.3',
      '1.1.1.1, _hidden, 10.9.9.9',
      '10.9.9.9',
    ],
    ['may hold ports', '10.1.2.3', '198.51.100.7:4711', '198.51.100.7'],
    ['may hold IPv6 in brackets', '10.1.2.3', '[2001:DB8:0::1]:4711', '2001:db8::1'],
    ['may hold IPv6', '10.1.2.3', '2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['may hold IPv4 as IPv6', '10.1.2.3', '::ffff:198.51.100.7', '198.51.100.7'],
    ['that is no list names nobody', '10.1.2.3', ', ,', '10.1.2.3'],
    ['with nonsense names nobody', '10.1.2.3', '999.1.1.1', '10.1.2.3'],
    ['is believed from an IPv6 network', 'fd00::1', '198.51.100.7', '198.51.100.7'],
    ['is believed from IPv4 in IPv6', '::ffff:10.1.2.3', '198.51.100.7', '198.51.100.7'],
    [
      'is believed from uWS’ long form',
      'fd00:0000:0000:0000:0000:0000:0000:0001',
      '198.51.100.7',
      '198.51.100.7',
    ],
    ['is not believed from next door', '11.0.0.1', '198.51.100.7', '11.0.0.1'],
  ])('%s', (_, peer, value, address) => {
    expect(read(peer, { 'x-forwarded-for': value }).address).toBe(address);
  });

  it('of 16 KiB is read in no time that counts, and names the client', () => {
    const value = `${'10.0.0.1,'.repeat(1_800)}198.51.100.7`;
    expect(read('10.1.2.3', { 'x-forwarded-for': value }).address).toBe('198.51.100.7');
  });

  it('never lets a client choose its address: what stands left of the proxy’s word says nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), (forged, client) => {
        const settings = { trusted: ['192.0.2.1'] };
        fc.pre(client !== '192.0.2.1');
        const { address } = read('192.0.2.1', { 'x-forwarded-for': `${forged}, ${client}` }, settings);
        expect(address).toBe(client);
      }),
    );
  });
});

describe('addresses of peers', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:c000:0201', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['', ''],
  ])('%j is told as %j', (peer, address) => {
    expect(read(peer, {}).address).toBe(address);
    expect(read(peer, {}, { trusted: [] }).address).toBe(address);
  });
});

describe('X-Forwarded-Proto and -Host', () => {
  const headers = { host: 'hub.internal', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'hub.example' };

  it('make the proxy’s name and scheme the hub’s own', () => {
    const caller = read('10.1.2.3', headers);
    expect(caller).toMatchObject({ host: 'hub.example', isSecure: true });
    expect(isOwnOrigin('https://hub.example', caller)).toBe(true);
    expect(isOwnOrigin('http://hub.example', caller)).toBe(false);
    expect(isOwnOrigin('https://hub.internal', caller)).toBe(false);
  });

  it('are passed over from strangers', () => {
    const caller = read('203.0.113.5', headers);
    expect(caller).toMatchObject({ host: 'hub.internal', isSecure: false });
    expect(isOwnOrigin('https://hub.example', caller)).toBe(false);
    expect(isOwnOrigin('https://hub.internal', caller)).toBe(false);
    expect(isOwnOrigin('http://hub.internal', caller)).toBe(true);
  });

  it('count as the nearest proxy wrote them', () => {
    const forged = {
      ...headers,
      'x-forwarded-host': 'evil.example, hub.example',
      'x-forwarded-proto': 'http, https',
    };
    expect(read('10.1.2.3', forged)).toMatchObject({ host: 'hub.example', isSecure: true });
  });

  it('left out leave the name, and the scheme open', () => {
    const caller = read('10.1.2.3', { host: 'hub.example' });
    expect(caller).toMatchObject({ host: 'hub.example', isSecure: undefined });
    expect(isOwnOrigin('https://hub.example', caller)).toBe(true);
    expect(isOwnOrigin('https://other.example', caller)).toBe(false);
  });
});

describe('Forwarded', () => {
  const settings = { headers: 'forwarded' } as const;
  const addressOf = (value: string) => read('10.1.2.3', { forwarded: value }, settings).address;

  it.each([
    ['for=198.51.100.7', '198.51.100.7'],
    ['for=1.1.1.1, for=198.51.100.7;proto=https', '198.51.100.7'],
    ['for=1.1.1.1, for="[2001:db8::1]:80";by=10.0.0.1', '2001:db8::1'],
    ['For="198.51.100.7:80" ; Proto=https', '198.51.100.7'],
    ['for=1.1.1.1, proto=https', '10.1.2.3'],
    ['for=1.1.1.1, for=_secret', '10.1.2.3'],
    ['for=1.1.1.1;x=", for=198.51.100.7', '10.1.2.3'],
    ['for=1.1.1.1;x=", for="[2001:db8::1]"', '10.1.2.3'],
    // A quote that a client left open swallows what the proxy wrote.
    ['for=1.1.1.1, for=", for=198.51.100.7', '10.1.2.3'],
    ['', '10.1.2.3'],
    ['nonsense', '10.1.2.3'],
  ])('%s is from %s', (value, address) => {
    expect(addressOf(value)).toBe(address);
  });

  it('says scheme and name of the nearest hop', () => {
    const value =
      'for=1.1.1.1;proto=http;host=evil.example, for=198.51.100.7;proto=https;host="hub.example:8443"';
    expect(read('10.1.2.3', { forwarded: value }, settings)).toMatchObject({
      host: 'hub.example:8443',
      isSecure: true,
    });
  });

  it('and X-Forwarded-For are never both read: the one that the proxy does not write is the client’s', () => {
    const headers = { forwarded: 'for=1.1.1.1', 'x-forwarded-for': '198.51.100.7' };
    expect(read('10.1.2.3', headers).address).toBe('198.51.100.7');
    expect(read('10.1.2.3', headers, settings).address).toBe('1.1.1.1');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (value) => void addressOf(value)));
  });
});
