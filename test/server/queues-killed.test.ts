/**
 * A hub that is killed while SDK clients publish and consume: each publish ends once, and what was confirmed durable is
 * in its queue once (PROTOCOL §11, §20).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryCodec, type ConnectOptions, connect, type Hub, jsonCodec } from '@ringhub/client';
import { bindQueue, consume, declareQueue, inspectQueue } from '@ringhub/client/queues';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { transportsHere } from '../contract/uws-here.ts';
import { CommandLine, type Run } from './support/command-line.ts';
import { FaultProxy } from './support/fault-proxy.ts';

const KILLS = 3;
const PUBLISHERS = 2;
/** Publishes under way of each publisher. */
const AT_ONCE = 30;

const commandLine = new CommandLine();
const folder = mkdtempSync(join(tmpdir(), 'ringhub-killed-'));
beforeAll(() => commandLine.build());
afterEach(() => commandLine.killAll());
afterAll(() => {
  commandLine.remove();
  rmSync(folder, { recursive: true, force: true });
});

it.each(transportsHere)(
  'killed under load over %s, forgets nothing it confirmed',
  {
    timeout: 120_000,
  },
  async (transport) => {
    const data = join(folder, transport);
    const serve = async (): Promise<[Run, number]> => {
      const run = commandLine.run(['serve', '--dev', '--no-demo', '--port', '0', '--transport', transport], {
        RINGHUB_TOKEN: 'tests',
        RINGHUB_DATA: data,
      });
      const [, port] = await run.says(/ws:\/\/[^:]+:(\d+)/);
      return [run, Number(port)];
    };
    let [run, port] = await serve();
    const proxy = await FaultProxy.start(port);
    const client = (codec?: ConnectOptions['codec']): Promise<Hub> =>
      connect(`ws://127.0.0.1:${proxy.port}`, {
        token: 'tests',
        WebSocket: WebSocket as never,
        backoff: { minMs: 1, maxMs: 20 },
        ackDelayMs: 2,
        codec,
      });

    const worker = await client();
    const errors: unknown[] = [];
    worker.addEventListener('error', ({ error }) => errors.push(error));
    await worker.declareExchange('work', { type: 'topic', durable: true });
    await declareQueue(worker, 'stored', { durable: true, deliveryLimit: null });
    await bindQueue(worker, 'stored', 'work', '#');
    await declareQueue(worker, 'untouched', { durable: true });
    await bindQueue(worker, 'untouched', 'work', '#');
    const processed = new Map<string, number>();
    await consume<string>(worker, 'stored', { prefetch: 20 }, ({ data }) => {
      processed.set(data, (processed.get(data) ?? 0) + 1);
    });

    const confirmed: string[] = [];
    const passing = { confirmed: 0, unknown: 0 };
    let resent = 0;
    let isOver = false;
    const publishers = await Promise.all(
      Array.from({ length: PUBLISHERS }, (_, i) => client(i === 0 ? new BinaryCodec() : jsonCodec)),
    );
    const publish = async (hub: Hub, publisher: number, lane: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const text = `${publisher}.${lane}.${n}`;
        if (lane % 3 === 2) {
          const outcome = await hub.publish('amq.topic', 'x', text).catch((error: Error) => error.name);
          if (outcome === 'outcome-unknown') passing.unknown++;
          else if (typeof outcome === 'object') passing.confirmed++;
          else throw new Error(outcome);
          continue;
        }
        // Half through the durable log, half through one in memory.
        const [exchange, key] = lane % 3 === 0 ? ['work', 'a'] : ['', 'stored'];
        const { duplicate } = await hub.publish(exchange!, key!, text);
        if (duplicate) resent++;
        confirmed.push(text);
      }
    };
    const publishing = publishers.flatMap((hub, i) =>
      Array.from({ length: AT_ONCE }, (_, lane) => publish(hub, i, lane)),
    );

    /** Has the hub confirm publishes to nobody. */
    const storeUnheard = async (port: number): Promise<void> => {
      const beside = await connect(`ws://127.0.0.1:${port}`, {
        token: 'tests',
        WebSocket: WebSocket as never,
      });
      proxy.loses = 'to-client';
      await expect
        .poll(async () => (await inspectQueue(beside, 'stored')).ledger.routed, { interval: 1 })
        .toBeGreaterThan(confirmed.length);
      await beside.close();
    };

    for (let kill = 0; kill < KILLS; kill++) {
      const before = confirmed.length;
      await expect.poll(() => confirmed.length, { interval: 1 }).toBeGreaterThan(before + 200);
      if (kill > 0) await storeUnheard(port);
      run.child.kill('SIGKILL');
      await run.ended;
      proxy.cutAll();
      proxy.loses = 'nothing';
      [run, port] = await serve();
      proxy.targetPort = port;
    }
    isOver = true;
    await Promise.all(publishing);

    expect(new Set(confirmed).size).toBe(confirmed.length);
    await expect
      .poll(async () => (await inspectQueue(worker, 'stored')).messages)
      .toEqual({ ready: 0, inflight: 0, delayed: 0 });
    expect([...processed.keys()].toSorted()).toEqual(confirmed.toSorted());
    // Nobody consumes here: each message that was published through the log stands in it once.
    const logged = confirmed.filter((text) => Number(text.split('.')[1]) % 3 === 0);
    const untouched = await inspectQueue(worker, 'untouched');
    expect(untouched.messages.ready).toBe(logged.length);
    expect(untouched.ledger.routed).toBe(logged.length);
    expect((await inspectQueue(worker, 'stored')).ledger.routed).toBe(confirmed.length);
    expect(resent).toBeGreaterThan(0);
    expect(passing.unknown).toBeGreaterThan(0);
    expect(errors).toEqual([]);
    console.log(
      `${transport}: ${confirmed.length} stored, ${resent} of them sent again in vain, ${passing.unknown} of ${passing.confirmed + passing.unknown} others unknown`,
    );
    await Promise.all([worker, ...publishers].map((hub) => hub.close()));
    await proxy.close();
  },
);
