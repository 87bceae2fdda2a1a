/** HTTP requests: so many of a subject and of an address, 429 with `Retry-After` above, and nobody else affected. */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { TokenAuth } from '../../server/src/auth/token-auth.ts';
import { createHttpApp } from '../../server/src/http/app.ts';
import { RequestRates } from '../../server/src/request-rates.ts';
import { HubScene } from './support/hub-scene.ts';

const N = 5;
const TOKENS = [
  { token: 'alice-token', subject: 'alice', role: 'browser' },
  { token: 'bob-token', subject: 'bob', role: 'browser' },
  { token: 'app-token', subject: 'app', role: 'server' },
];

function setup() {
  const scene = new HubScene({
    limits: { maxRequestsPerSecPerAddress: 1, maxRequestsBurstPerAddress: N },
  });
  const limitsOf = (role: string) => ({
    ...scene.hub.limitsOf(role),
    ...(role === 'browser' && { maxRequestsPerSec: 1, maxRequestsBurst: N }),
  });
  const rates = new RequestRates({ clock: scene.clock, limits: scene.limits, limitsOf });
  const app = createHttpApp({
    hub: scene.hub,
    auth: new TokenAuth('tokens', TOKENS),
    callers: { origins: ['https://app.example.com'], loopbackOnly: false },
    maxBodyBytes: 100_000,
    metrics: { contentType: 'text/plain', text: async () => '' },
    publicMetrics: false,
    rates,
  });
  const ask = async (
    path: string,
    token: string,
    address: string,
    init: RequestInit = {},
  ): Promise<Response> => {
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...init.headers };
    const answer = app.request(
      `http://hub.example${path}`,
      { ...init, headers },
      { address, isSecure: false },
    );
    scene.clock.settle();
    return answer;
  };
  const statuses = async (count: number, ...args: Parameters<typeof ask>): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await ask(...args)).status);
    return all;
  };
  return { scene, ask, statuses };
}

/** Once what was asked for by now is done. */
const takenOf = (scene: HubScene): number => {
  scene.clock.settle();
  return scene.hub.stats().publishes.taken;
};

const ok = (count: number): number[] => Array(count).fill(200);

describe('requests of a subject', () => {
  it('are answered up to the burst, from wherever they come; then 429 until some time has passed', async () => {
    const { scene, ask, statuses } = setup();
    expect(await statuses(N - 1, '/v1/topology', 'alice-token', '192.0.2.1')).toEqual(ok(N - 1));
    expect(await statuses(2, '/v1/topology', 'alice-token', '192.0.2.2')).toEqual([200, 429]);
    const refused = await ask('/v1/topology', 'alice-token', '192.0.2.1', {
      headers: { Origin: 'https://app.example.com' },
    });
    expect(refused.headers.get('Retry-After')).toBe('1');
    // A page may read why.
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.com');
    expect(await refused.json()).toMatchObject({
      error: { name: 'rate-limited', code: ERRORS['rate-limited'].code },
    });
    expect(await statuses(1, '/v1/topology', 'bob-token', '192.0.2.1')).toEqual([200]);
    expect(await statuses(50, '/v1/topology', 'app-token', '192.0.2.1')).toEqual(ok(50));
    scene.clock.advance(1_000);
    expect(await statuses(2, '/v1/topology', 'alice-token', '192.0.2.1')).toEqual([200, 429]);
  });

  it('count each message of a publish, and publish none of those that are too many', async () => {
    const { scene, ask } = setup();
    const publish = (count: number) =>
      ask('/v1/publish', 'alice-token', '192.0.2.1', {
        method: 'POST',
        body: JSON.stringify({
          messages: Array.from({ length: count }, () => ({ exchange: 'amq.topic', key: 'k', text: 'x' })),
        }),
      });
    const answered = publish(3);
    await expect.poll(() => takenOf(scene)).toBe(3);
    expect((await answered).status).toBe(200);
    expect([(await publish(3)).status, scene.hub.stats().publishes.taken]).toEqual([429, 3]);
  });
});

describe('requests that nobody answers for', () => {
  it('are so many from one address: then it is not listened to, whatever it shows', async () => {
    const { scene, statuses } = setup();
    expect(await statuses(N + 1, '/v1/topology', 'guess', '192.0.2.1')).toEqual([...Array(N).fill(401), 429]);
    expect(await statuses(1, '/livez', '', '192.0.2.1')).toEqual([429]);
    expect(await statuses(1, '/v1/topology', 'alice-token', '192.0.2.1')).toEqual([429]);
    expect(await statuses(1, '/v1/topology', 'guess', '192.0.2.2')).toEqual([401]);
    scene.clock.advance(1_000);
    expect(await statuses(2, '/v1/topology', 'alice-token', '192.0.2.1')).toEqual([200, 200]);
    expect(await statuses(2, '/v1/topology', 'guess', '192.0.2.1')).toEqual([401, 429]);
  });

  it('are counted for a /64 of IPv6', async () => {
    const { statuses } = setup();
    expect(await statuses(N, '/livez', '', '2001:db8::1')).toEqual(ok(N));
    expect(await statuses(1, '/livez', '', '2001:db8::2')).toEqual([429]);
    expect(await statuses(1, '/livez', '', '2001:db8:0:1::2')).toEqual([200]);
  });
});
