/** A hub with named queues, a store, and clients that wait for the disk. */
import { ERRORS, type QueueInfo, type QueueOptions } from '@ringhub/protocol';
import { expect } from 'vitest';
import { HubScene, type HubSceneOptions } from './hub-scene.ts';
import type { RawFrame, ScriptedClient } from './scripted-client.ts';

export const JOBS = 'jobs';

export class QueueScene extends HubScene {
  private refs = 0;
  private client0: { readonly hub: unknown; readonly client: ScriptedClient } | undefined;

  constructor(
    readonly isDurable: boolean,
    options: HubSceneOptions = {},
  ) {
    super({ durable: true, ...options });
  }

  /** Somebody to ask for things, of each life of the hub. */
  get operator(): ScriptedClient {
    if (this.client0?.hub !== this.hub) this.client0 = { hub: this.hub, client: this.client('operator') };
    return this.client0!.client;
  }

  /** Sends a command; returns its result, or the name of its error. */
  ask<T = unknown>(client: ScriptedClient, type: string, ...fields: unknown[]): T {
    const ref = ++this.refs;
    client.send([type, ref, ...fields] as RawFrame);
    this.flush();
    const failed = client.all('error').find((frame) => frame.ref === ref);
    if (failed) return Object.values(ERRORS).find(({ code }) => code === failed.code)!.name as T;
    const ok = client.all('ok').find((frame) => frame.ref === ref);
    if (!ok) throw new Error(`${type} was not answered`);
    return ok.result as T;
  }

  declare(options: QueueOptions = {}, name = JOBS): QueueInfo {
    const durable = this.isDurable && !options.exclusive;
    const info = this.ask<QueueInfo>(this.operator, 'declareQueue', name, { durable, ...options });
    if (typeof info === 'string') throw new Error(info);
    return info;
  }

  /** To the queue by name, unless another exchange is told. */
  send(
    keys: readonly string[],
    { exchange = '', key = JOBS, ...properties }: Record<string, unknown> = {},
  ): unknown[] {
    const outcomes: unknown[] = [];
    for (const payload of keys) {
      this.hub.publish(
        this.principal('publisher'),
        {
          exchange: exchange as string,
          key: key as string,
          payload,
          properties: { contentType: 'text/plain', ...properties },
        },
        (outcome) =>
          outcomes.push(outcome.kind === 'refused' ? outcome.error : (outcome.queues ?? outcome.kind)),
      );
      this.flush();
    }
    return outcomes;
  }

  consume(client: ScriptedClient, options: Record<string, unknown> = {}, name = JOBS): number {
    const result = this.ask<{ queue: number }>(client, 'consume', {
      consume: name,
      ack: 'manual',
      ...options,
    });
    if (typeof result === 'string') throw new Error(result);
    return result.queue;
  }

  /** Sends frames and waits until everything is at rest. */
  say(client: ScriptedClient, ...frames: RawFrame[]): void {
    client.send(...frames);
    this.flush();
  }

  info(name = JOBS): QueueInfo {
    const info = this.ask<QueueInfo>(this.operator, 'inspect', name);
    expect(info.ledger.residual).toBe(0);
    const { ready, delayed, inflight } = info.messages;
    expect([info.ledger.ready, info.ledger.inflight]).toEqual([ready + delayed, inflight]);
    return info;
  }

  /** What is stored is what is counted, also after a restart. */
  expectExact(name = JOBS): void {
    const before = this.info(name);
    expect(this.hub.stats().ledger.residual).toBe(0);
    if (!this.isDurable) return;
    const { id, state } = this.namedQueue(name);
    expect(this.engine.queues!.count(id)).toEqual({ messages: state.messages, bytes: state.bytes });
    expect(before.bytes).toBe(state.bytes);
  }
}

/** Payloads that came to a consumer, with their tags and notes. */
export function got(client: ScriptedClient, queue?: number): string[] {
  return client
    .takeOf('deliver')
    .filter((frame) => queue === undefined || frame.queue === queue)
    .flatMap(({ firstTag, items, notes }) => {
      const noteAt = new Map(notes);
      return items.map((item, i) => {
        const text = item.kind === 'message' ? `${item.payload}` : item.kind;
        const note = noteAt.get(i);
        return `${firstTag + i}:${text}${note?.redelivered ? ` x${note.redelivered}` : ''}`;
      });
    });
}

export const letters = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i + 1}`);
