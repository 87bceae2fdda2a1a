/** Operations in AMQP's words, under names that only one topology has; and what comes from there in ours. */
import type { ConsumeMessage } from 'amqplib';
import type { Seen, SeenDeath } from './outcome.ts';
import { type BindingWish, type ExchangeWish, type QueueWish, UNIT_BYTES } from './topology.ts';

/** Names that are not RabbitMQ's own: each topology has them for itself. */
export const isOurs = (name: string): boolean => /^([qx]\d+$|hub\.)/.test(name);

interface RabbitmqDeath {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
  readonly exchange: string;
  readonly 'routing-keys': readonly string[];
  readonly 'original-expiration'?: string;
}

export class AmqpTranslation {
  /** @param prefix of all names */
  constructor(private readonly prefix: string) {}

  there(name: string): string {
    return isOurs(name) ? this.prefix + name : name;
  }

  here(name: string): string {
    return name.startsWith(this.prefix) ? name.slice(this.prefix.length) : name;
  }

  bindingOf({ from, key, args }: BindingWish): [from: string, key: string, args: object] {
    return [this.there(from), this.there(key), args ?? {}];
  }

  exchangeOptions({ durable, internal, autoDelete, alternate }: ExchangeWish) {
    return {
      durable,
      internal,
      autoDelete,
      ...(alternate !== undefined && { alternateExchange: this.there(alternate) }),
    };
  }

  queueOptions(wish: QueueWish) {
    const {
      deadLetterExchange,
      deadLetterKey,
      maxMessages,
      maxUnits,
      messageTtlMs,
      overflow,
      deliveryLimit,
    } = wish;
    return {
      durable: wish.durable,
      exclusive: wish.exclusive,
      autoDelete: wish.autoDelete,
      arguments: {
        ...(maxMessages !== undefined && { 'x-max-length': maxMessages }),
        ...(maxUnits !== undefined && { 'x-max-length-bytes': maxUnits * UNIT_BYTES }),
        ...(messageTtlMs !== undefined && { 'x-message-ttl': messageTtlMs }),
        ...(overflow !== undefined && { 'x-overflow': overflow }),
        ...(deliveryLimit !== undefined && { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit }),
        ...(deadLetterExchange !== undefined && { 'x-dead-letter-exchange': this.there(deadLetterExchange) }),
        ...(deadLetterKey !== undefined && { 'x-dead-letter-routing-key': this.there(deadLetterKey) }),
      },
    };
  }

  seen({ fields, properties, content }: ConsumeMessage, isLimited: boolean): Seen {
    const { 'x-death': deaths, 'x-delivery-count': failed, ...headers } = properties.headers ?? {};
    const own = Object.entries(headers).filter(([name]) => !name.startsWith('x-first-death-'));
    return {
      message: content.toString().split(' ', 1)[0]!,
      exchange: this.here(fields.exchange),
      key: this.here(fields.routingKey),
      redelivered: fields.redelivered,
      ...(isLimited && { failed: failed ?? 0 }),
      headers: Object.fromEntries(own) as Seen['headers'],
      deaths: ((deaths ?? []) as RabbitmqDeath[]).map((death) => this.seenDeath(death)),
    };
  }

  seenDeath(death: RabbitmqDeath): SeenDeath {
    const { queue, reason, count, exchange, 'routing-keys': keys, 'original-expiration': expiration } = death;
    return {
      queue: this.here(queue),
      reason,
      count,
      exchange: this.here(exchange),
      keys: keys.map((key) => this.here(key)),
      ...(expiration === undefined ? {} : { originalTtlMs: Number(expiration) }),
    };
  }
}
