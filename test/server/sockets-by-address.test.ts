/** TCP connections of one peer: so many, whatever is written of its address; and what waits until the hub takes it. */
import { Server } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { DEFAULT_REQUEST_LIMITS } from '../../server/src/http/http-server.ts';
import { NodeHttpServer } from '../../server/src/http/node-server.ts';
import { isProxyIn } from '../../server/src/http/trusted-proxies.ts';
import { SocketsByAddress } from '../../server/src/sockets-by-address.ts';

describe('TCP connections by address', () => {
  it('count a network of IPv6 as one peer, and IPv4 within IPv6 as IPv4', () => {
    const sockets = new SocketsByAddress(2);
    expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((at) => sockets.admit(at))).toEqual([
      true,
      true,
      false,
    ]);
    expect(['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'].map((at) => sockets.admit(at))).toEqual([
      true,
      true,
      false,
    ]);
    sockets.left('::ffff:192.0.2.1');
    expect(sockets.admit('192.0.2.1')).toBe(true);
  });

  it('have no bound for trusted proxies, and nothing is kept of who has left', () => {
    const sockets = new SocketsByAddress(1, isProxyIn({ trusted: ['10.0.0.0/8'] }));
    const peers = ['10.1.2.3', '::ffff:10.1.2.3', '10.1.2.3', '198.51.100.7'];
    expect(peers.map((at) => sockets.admit(at))).toEqual([true, true, true, true]);
    expect(sockets.admit('198.51.100.7')).toBe(false);
    expect(sockets.size).toBe(1);
    for (const peer of peers) sockets.left(peer);
    expect(sockets.size).toBe(0);
  });
});

describe('TCP connections that wait', () => {
  it('are as many as the settings say', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const server = new NodeHttpServer(undefined, { ...DEFAULT_REQUEST_LIMITS, maxPendingSockets: 7 });
    try {
      await server.listen('127.0.0.1', 0);
      expect(listen.mock.calls[0]?.[0]).toMatchObject({ backlog: 7 });
    } finally {
      listen.mockRestore();
      await server.close(0);
    }
  });
});
