/**
 * A hub with a data folder, behind a proxy that cuts when told, and SDK clients of both codecs: half of them each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryCodec, connect, type Hub, jsonCodec } from '@ringhub/client';
import type { QueueConsumer, QueueMessage } from '@ringhub/client/queues';
import { WebSocket } from 'ws';
import { type RunningHub, type StartHubOptions, startHub } from '../../../server/src/index.ts';
import { type FaultPlan, NO_FAULTS } from './connection-fate.ts';
import { FaultProxy } from './fault-proxy.ts';

const TOKEN = 'tests';

export class QueueWorld {
  hub!: RunningHub;
  proxy!: FaultProxy;
  private readonly data = mkdtempSync(join(tmpdir(), 'ringhub-queues-'));
  private readonly clients: Hub[] = [];
  /** What the hub complained of, or a client could not do. */
  private readonly errors: unknown[] = [];

  private constructor(private readonly options: StartHubOptions) {}

  static async start(options: StartHubOptions, plan: FaultPlan = NO_FAULTS): Promise<QueueWorld> {
    const world = new QueueWorld(options);
    await world.startHub();
    world.proxy = await FaultProxy.start(world.hub.port, plan);
    return world;
  }

  /** Through the proxy, or straight to the hub: then it is not cut. */
  async client({ isDirect = false, ackDelayMs = 2 } = {}): Promise<Hub> {
    const port = isDirect ? this.hub.port : this.proxy.port;
    const client = await connect(`ws://127.0.0.1:${port}`, {
      token: TOKEN,
      WebSocket: WebSocket as never,
      backoff: { minMs: 1, maxMs: 4 },
      ackDelayMs,
      codec: this.clients.length % 2 === 0 ? new BinaryCodec() : jsonCodec,
    });
    client.addEventListener('error', ({ error }) => this.errors.push(error));
    this.clients.push(client);
    return client;
  }

  async stopHub(): Promise<void> {
    await this.hub.close();
  }

  /** The hub on the same data folder: what was in memory is gone. */
  async startHub(): Promise<void> {
    this.hub = await startHub({ ...this.options, token: TOKEN, data: this.data });
    if (this.proxy) this.proxy.targetPort = this.hub.port;
  }

  /** Rejects where anything went wrong that no promise told. */
  async close(): Promise<void> {
    this.proxy.isCutting = false;
    this.proxy.loses = 'nothing';
    await Promise.all(this.clients.map((client) => client.close()));
    await this.proxy.close();
    await this.hub.close();
    rmSync(this.data, { recursive: true });
    if (this.errors.length > 0) throw new AggregateError(this.errors, String(this.errors[0]));
  }
}

/** The next messages of a consumer; with ack `manual` they stay in hand. */
export async function take<T>(consumer: QueueConsumer<QueueMessage<T>>, count: number) {
  const messages: QueueMessage<T>[] = [];
  while (messages.length < count) {
    const { value } = await consumer.next();
    if (!value) throw new Error(`ended after ${messages.length}`);
    messages.push(value);
  }
  return messages;
}

export const dataOf = <T>(messages: readonly QueueMessage<T>[]): T[] => messages.map(({ data }) => data);
