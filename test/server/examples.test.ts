/**
 * Every program of examples/ as a user runs it: a process of its own against a hub, with its URL and token from the
 * environment. `dashboard.html` runs in test/e2e/examples.test.ts.
 *
 * The programs run in a copy of the folder, beside an SDK of their own, so that they need no build.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { extname, join, relative, resolve } from 'node:path';
import { connect } from '@ringhub/client';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readIssuers } from '../../server/src/auth/configured-issuers.ts';
import type { RunningHub } from '../../server/src/index.ts';
import { nodeClock } from '../../server/src/node-clock.ts';
import { needsPython, python } from '../python.ts';
import { startHub } from './support/start-hub.ts';

const root = resolve(import.meta.dirname, '../..');
const examples = join(root, 'examples');
const cache = join(root, 'node_modules/.cache');
const WAIT_MS = 30_000;
const WRONG = 'wrong';
/** Programs that ran with a token that is right. */
const ran = new Set<string>();
const children: ChildProcess[] = [];
let folder: string;
let hub: RunningHub;

beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'examples-'));
  cpSync(examples, folder, { recursive: true });
  const sdk = join(folder, 'node_modules/@ringhub/client');
  await build({
    entryPoints: ['index', 'node', 'queues', 'token'].map((name) => join(root, `client-sdk/src/${name}.ts`)),
    splitting: true,
    outdir: join(sdk, 'dist'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    conditions: ['source'],
    external: ['ws'],
    logLevel: 'error',
  });
  copyFileSync(join(root, 'client-sdk/package.json'), join(sdk, 'package.json'));
  hub = await startHub({ data: join(folder, 'data') });
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  await hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  isOver = false;
  text = '';

  constructor(file: string, { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {}) {
    if (!['', WRONG].includes(env.RINGHUB_TOKEN ?? hub.token)) ran.add(file);
    const runner = extname(file) === '.py' ? python! : process.execPath;
    this.child = spawn(runner, [join(folder, file), ...args], {
      env: { PATH: process.env.PATH, RINGHUB_URL: hub.httpUrl, RINGHUB_TOKEN: hub.token, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(this.child);
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        this.text += chunk;
        this.child.emit('said');
      });
    }
    this.ended = once(this.child, 'close').then(([code]) => {
      this.isOver = true;
      this.child.emit('said');
      return code as number | null;
    });
  }

  /** Waits for words, on stdout or stderr. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(WAIT_MS);
    for (;;) {
      const found = pattern.exec(this.text);
      if (found) return found;
      const more = this.isOver ? Promise.reject() : once(this.child, 'said', { signal });
      await more.catch(() => {
        throw new Error(`it did not say ${pattern}, but:\n${this.text}`);
      });
    }
  }

  async interrupted(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.ended;
  }
}

async function publish(key: string, data: unknown): Promise<void> {
  const answer = await fetch(`${hub.httpUrl}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${hub.token}` },
    body: JSON.stringify({ exchange: 'amq.topic', key, data }),
  });
  expect(answer.status).toBe(200);
}

describe('hello-producer and hello-consumer', () => {
  it('bring a message from one process to another, and end on Ctrl-C', async () => {
    const consumer = new Program('hello-consumer.mjs', { args: ['sensors.#'] });
    await consumer.says(/subscribed to sensors\.#/);
    const producer = new Program('hello-producer.mjs');
    const [, celsius] = await producer.says(/^([\d.]+) °C, at offset \d+, for 1 session/m);
    const [, received] = await consumer.says(/sensors\.kitchen\.temperature { celsius: ([\d.]+) }/);
    expect(received).toBe(celsius);
    expect(await Promise.all([producer.interrupted(), consumer.interrupted()])).toEqual([0, 0]);
  });
});

describe('queue-producer and queue-consumer', () => {
  it('share jobs between consumers, each once; what a killed one had not finished goes to another', async () => {
    const consumers = [new Program('queue-consumer.mjs'), new Program('queue-consumer.mjs')];
    await Promise.all(consumers.map((consumer) => consumer.says(/consuming hello/)));
    const producer = new Program('queue-producer.mjs');
    await producer.says(/job 3 is in hello/);
    const jobs = () =>
      consumers.flatMap(({ text }) => [...text.matchAll(/number: (\d+) } attempt 1/g)].map(([, n]) => n));
    await expect.poll(() => jobs().length).toBeGreaterThanOrEqual(3);
    expect(new Set(jobs()).size).toBe(jobs().length);
    for (const { text } of consumers) expect(text).toMatch(/number: \d/);

    consumers[0]!.child.kill('SIGKILL');
    const [, before] = await producer.says(/job (\d+) is in hello\n$/);
    await expect.poll(() => jobs().includes(String(Number(before) + 2))).toBe(true);
    await Promise.all([producer.interrupted(), consumers[1]!.interrupted()]);
    const told = [...producer.text.matchAll(/job (\d+) is in hello/g)].length;
    const numbers = new Set(
      consumers.flatMap(({ text }) => [...text.matchAll(/number: (\d+) }/g)].map(([, n]) => n)),
    );
    expect(told - numbers.size).toBeLessThanOrEqual(1);
  });
});

describe('queue-worker', () => {
  it('sends what can be sent, tries again what failed, and gives up on the rest', async () => {
    const worker = new Program('queue-worker.mjs', {
      args: ['ada@ok.example', 'bob@busy.example', 'eve@down.example', 'nobody'],
    });
    await worker.says(/sent to ada@ok\.example at attempt 1/);
    await worker.says(/sent to bob@busy\.example at attempt 3/);
    await worker.says(/given up on { to: 'eve@down\.example' } delivery_limit in mails/);
    await worker.says(/given up on { to: 'nobody' } rejected in mails/);
    expect(worker.text.match(/for eve@down\.example failed/g)).toHaveLength(4);
    expect(await worker.interrupted()).toBe(0);
  });
});

describe('node-backend', () => {
  it('publishes an order once, however often it is sent', async () => {
    const consumer = new Program('hello-consumer.mjs', { args: ['orders.#'] });
    const backend = new Program('node-backend.mjs', { env: { PORT: '0' } });
    const [, url] = await backend.says(/POST orders to (\S+)/);
    const order = (body: string) =>
      fetch(url!, { method: 'POST', body, headers: { 'Idempotency-Key': 'order-1' } });
    const first = await order('{"item":"tea"}');
    expect([first.status, await first.json()]).toMatchObject([201, { receipt: { duplicate: false } }]);
    const again = await order('{"item":"tea"}');
    expect([again.status, await again.json()]).toMatchObject([200, { receipt: { duplicate: true } }]);
    await publish('orders.end', 'the last');
    await consumer.says(/the last/);
    expect(consumer.text.match(/orders\.created/g)).toHaveLength(1);
    expect((await order('no JSON')).status).toBe(400);
    expect((await fetch(new URL('/', url))).status).toBe(404);
  });

  it('tells its customer that an order did not go through', async () => {
    const backend = new Program('node-backend.mjs', { env: { PORT: '0', RINGHUB_TOKEN: WRONG } });
    const [, url] = await backend.says(/POST orders to (\S+)/);
    expect((await fetch(url!, { method: 'POST', body: '{}' })).status).toBe(502);
    await backend.says(/unauthorized/);
  });
});

describe.each(['token-node.mjs', 'token-express.mjs'])('%s', (file) => {
  it('gives whoever is signed in a token that the hub takes, again and again', async () => {
    const secret = randomBytes(32).toString('base64url');
    const issuer = {
      issuer: 'https://shop.example',
      audience: 'ringhub',
      algorithms: ['HS256'],
      secret,
    } as const;
    const settings = {
      roles: ['browser'],
      roleClaim: 'ringhub.role',
      subjectPrefix: '',
      maxLifetimeMs: 3_600_000,
    };
    const { issuers } = readIssuers([{ ...issuer, ...settings }], nodeClock, () => {});
    const guarded = await startHub({ issuers });
    const backend = new Program(file, { env: { PORT: '0', RINGHUB_SECRET: secret } });
    const [, url] = await backend.says(/POST (\S+\/token)/);
    const ask = (headers: Record<string, string>) => fetch(url!, { method: 'POST', headers });
    try {
      const reasons: string[] = [];
      const client = await connect(guarded.url, {
        getToken: async ({ reason }) => {
          reasons.push(reason);
          return (await ask({ Cookie: 'user=alice' })).text();
        },
      });
      await client.publish('amq.topic', 'a', 1);
      await client.close();
      expect(reasons).toEqual(['connect']);
      expect((await ask({})).status).toBe(401);
      expect((await ask({ Cookie: 'user=alice', 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
      expect((await fetch(new URL('/', url))).status).toBe(404);
      await expect(connect(guarded.url, { token: 'wrong' })).rejects.toMatchObject({ name: 'unauthorized' });
    } finally {
      await guarded.close();
    }
  });

  it('says what is missing where there is no secret', async () => {
    const backend = new Program(file);
    expect(await backend.ended).toBe(1);
    await backend.says(/RINGHUB_SECRET is not set/);
  });
});

describe('plain-websocket', () => {
  it('is told of the three messages that its queue had no room for', async () => {
    const program = new Program('plain-websocket.mjs');
    expect(await program.ended).toBe(0);
    expect(program.text).toContain('"gap":{"count":3,"reason":"overflow"');
    expect(program.text).toContain('all 5 accounted for');
    expect(program.text).not.toContain(hub.token);
  });
});

describe.skipIf(!python)(`python/consumer.py${needsPython}`, () => {
  it('goes on where it was after a cut, and from its cursor after a restart of the hub', async () => {
    const token = 'a token that survives the restart'.replaceAll(' ', '-');
    let restarted = await startHub({ token });
    const relay = await startRelay(() => restarted.port);
    const env = { RINGHUB_URL: `http://127.0.0.1:${relay.port}`, RINGHUB_TOKEN: token };
    const send = (text: string) =>
      fetch(`${restarted.httpUrl}/v1/publish?key=greeting.world`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: text,
      });
    try {
      const consumer = new Program('python/consumer.py', { args: ['greeting.#'], env });
      await consumer.says(/subscribed to greeting\.#/);
      await send('one');
      await consumer.says(/greeting\.world one/);
      relay.cut();
      await send('two');
      await consumer.says(/resumed\ngreeting\.world two/);

      await restarted.close();
      restarted = await startHub({ token });
      await send('three');
      await consumer.says(/a new session, from the cursor\nmissed \w+ epoch\ngreeting\.world three/);
      expect(consumer.text.match(/greeting\.world/g)).toHaveLength(3);
      expect(await consumer.interrupted()).toBe(0);
    } finally {
      relay.close();
      await restarted.close();
    }
  });
});

describe('every program', () => {
  const files = readdirSync(examples, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(md|pyc)$/.test(entry.name))
    .map((entry) => relative(examples, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const pages = files.filter((file) => extname(file) === '.html');
  const runnable = files.filter((file) => !pages.includes(file) && (python || extname(file) !== '.py'));
  /** They make tokens, and have none. */
  const withToken = runnable.filter((file) => !file.startsWith('token-'));

  it('says what is missing where there is no token', async () => {
    const ends = withToken.map(async (file) => {
      const program = new Program(file, { env: { RINGHUB_TOKEN: '' } });
      expect([file, await program.ended]).toEqual([file, 1]);
      await program.says(/RINGHUB_TOKEN is not set/);
    });
    await Promise.all(ends);
  });

  it.each(withToken.filter((file) => file !== 'node-backend.mjs'))(
    '%s ends where its token is wrong',
    async (file) => {
      const program = new Program(file, { env: { RINGHUB_TOKEN: WRONG } });
      expect(await program.ended).toBe(1);
      await program.says(/unauthorized|the token is missing or not valid/);
    },
  );

  it('is run by a test', () => {
    expect([...ran].sort()).toEqual(runnable.sort());
    const browserTests = readFileSync(join(root, 'test/e2e/examples.test.ts'), 'utf8');
    expect(pages.filter((page) => !browserTests.includes(`'examples/${page}'`))).toEqual([]);
  });
});

/** A way to the hub that can be cut. */
async function startRelay(hubPort: () => number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connectSocket(hubPort(), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const close = () => {
    server.close();
    cut();
  };
  return { port: (server.address() as { port: number }).port, cut, close };
}
