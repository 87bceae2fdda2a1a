/**
 * A1 of the reliability anchors with a whole hub, on each transport and over HTTP: bad tokens let nobody in, good ones
 * do, before and afterwards.
 */
import { ERRORS, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHub, startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { type BadToken, badTokens } from './support/bad-tokens.ts';
import { ED, ES, goodToken, HS, issuerOf, RS } from './support/made-tokens.ts';

const ISSUERS = [HS, RS, ES, ED];

/** What becomes of a hello: `welcome`, or the close code. */
function hello(hub: RunningHub, token: string): Promise<string | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(hub.url, SUBPROTOCOL_JSON);
    socket.on('open', () => socket.send(JSON.stringify(['hello', { version: 1, token }])));
    socket.on('message', (text) => {
      resolve(JSON.parse(String(text).split('\n', 1)[0]!)[0]);
      socket.terminate();
    });
    socket.on('close', (code) => resolve(code));
    socket.on('error', reject);
  });
}

const overHttp = async (hub: RunningHub, token: string): Promise<number> =>
  (await fetch(`${hub.httpUrl}/v1/topology`, { headers: { Authorization: `Bearer ${token}` } })).status;

describe.each(transportsHere)('A1 on %s', (transport) => {
  let hub: RunningHub;
  let nowS: number;
  let bad: BadToken[];

  beforeAll(async () => {
    hub = await startHub({
      transport,
      tokens: [{ token: 'Key-of-the-application-server-1234', subject: 'of-an-api-key', role: 'server' }],
      issuers: ISSUERS.map((issuer) => issuerOf(issuer)),
      lockout: 'none',
    });
    nowS = Math.floor(Date.now() / 1000);
    bad = [RS, HS].flatMap((issuer) => badTokens(issuer, ISSUERS, nowS));
  });

  afterAll(() => hub.close());

  it('200 bad tokens open no session, by WebSocket', async () => {
    expect(bad.length).toBeGreaterThanOrEqual(200);
    const codes = new Map<string | number, string[]>();
    for (let at = 0; at < bad.length; at += 20) {
      await Promise.all(
        bad.slice(at, at + 20).map(async ([what, token]) => {
          const end = await hello(hub, token);
          codes.set(end, [...(codes.get(end) ?? []), what]);
        }),
      );
    }
    expect(codes.get('welcome') ?? []).toEqual([]);
    // A token that is longer than a hello may hold is no frame; an expired one is told apart.
    const expected = [ERRORS.unauthorized.code, ERRORS['token-expired'].code, ERRORS['bad-frame'].code];
    expect([...codes.keys()].filter((code) => !expected.includes(code as number))).toEqual([]);
    expect(hub.stats()).toMatchObject({ sessions: { attached: 0, parked: 0 } });
    for (const issuer of ISSUERS) expect(await hello(hub, goodToken(issuer, nowS))).toBe('welcome');
  });

  it('200 bad tokens get no answer, over HTTP', async () => {
    const sendable = bad.filter(([, token]) => !/[\r\n\0]/.test(token));
    expect(sendable.length).toBeGreaterThanOrEqual(200);
    const taken: string[] = [];
    for (const [what, token] of sendable) {
      const status = await overHttp(hub, token);
      if (status !== 401) taken.push(`${status} ${what}`);
    }
    expect(taken).toEqual([]);
    for (const issuer of ISSUERS) expect(await overHttp(hub, goodToken(issuer, nowS))).toBe(200);
  });

  it('ten wrong ones lock the address out: then a good one, too, is told to come later', async () => {
    const strict = await startHub({ transport, issuers: [issuerOf(HS)] });
    try {
      expect(await hello(strict, goodToken(HS, nowS))).toBe('welcome');
      const ends: (string | number)[] = [];
      for (let i = 0; i < 11; i++) ends.push(await hello(strict, `wrong-${i}`));
      expect(ends.slice(0, 10)).toEqual(Array(10).fill(ERRORS.unauthorized.code));
      expect(ends[10]).toBe(ERRORS['locked-out'].code);
      expect(await hello(strict, goodToken(HS, nowS))).toBe(ERRORS['locked-out'].code);
    } finally {
      await strict.close();
    }
  });
});
