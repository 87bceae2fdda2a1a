/**
 * One client of RabbitMQ: a connection with a channel for commands, one for looking, one for publishing, and one for each of its
 * consumers. A command that is refused closes its channel; the next one gets a new one.
 */
import { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import type { Said } from './outcome.ts';

const LOOKS = 6;

const SAID_OF_CODE = new Map<number, Said>([
  [403, 'refused'],
  [404, 'not-found'],
  [405, 'locked'],
]);
/** What a failed precondition was. */
const PRECONDITIONS: readonly (readonly [RegExp, Said])[] = [
  [/inequivalent arg/, 'mismatch'],
  [/ in use/, 'in-use'],
  [/not empty/, 'not-empty'],
];

/** How a refusal is called on both sides. */
export function saidOf(error: unknown): Said {
  const { code, message } = error as { code?: number; message: string };
  if (code === 403 && /exclusive/.test(message)) return 'in-use';
  if (code === 406) return PRECONDITIONS.find(([text]) => text.test(message))?.[1] ?? 'bad-argument';
  const said = code === undefined ? undefined : SAID_OF_CODE.get(code);
  if (!said) throw error;
  return said;
}

/** A channel that can be had again after an error. */
export class Lane<T extends Channel> {
  private open: Promise<T> | undefined;
  /** Why it was closed last. */
  failure: unknown;

  constructor(private readonly make: () => Promise<T>) {}

  get channel(): Promise<T> {
    this.open ??= this.make().then((channel) => {
      this.failure = undefined;
      channel.on('error', (error) => {
        this.failure = error;
        this.open = undefined;
      });
      return channel;
    });
    return this.open;
  }

  /** Runs a command; a refusal is its answer. One that was waiting when its channel was closed for another is run again. */
  async run<R>(command: (channel: T) => Promise<R>): Promise<R | Said> {
    for (;;) {
      const { channel } = this;
      try {
        return await command(await channel);
      } catch (error) {
        const wasWaiting = (error as { code?: number }).code === undefined && this.open !== channel;
        if (!wasWaiting) return saidOf(error);
      }
    }
  }
}

export interface Consuming {
  readonly channel: Channel;
  readonly isAcking: boolean;
  /** Deliveries since the last time, and all that are not settled. */
  received: ConsumeMessage[];
  readonly unsettled: ConsumeMessage[];
  settled: ConsumeMessage | undefined;
  isEnded: boolean;
  failure: unknown;
}

export class RabbitmqClient {
  readonly commands: Lane<Channel>;
  /** Several, as a channel does one thing at a time, and is closed when what it looks for is not there. */
  readonly looks: readonly Lane<Channel>[];
  readonly publishes: Lane<ConfirmChannel>;
  /** Payloads of what came back since the last time. */
  returned: string[] = [];

  private constructor(private readonly connection: ChannelModel) {
    this.commands = new Lane(() => connection.createChannel());
    this.looks = Array.from({ length: LOOKS }, () => new Lane(() => connection.createChannel()));
    this.publishes = new Lane(async () => {
      const channel = await connection.createConfirmChannel();
      channel.on('return', ({ content }) => this.returned.push(content.toString()));
      return channel;
    });
  }

  static async connect(url: string): Promise<RabbitmqClient> {
    const connection = await connect(url, { noDelay: true });
    // What went wrong is told where it was asked for.
    connection.on('error', () => {});
    return new RabbitmqClient(connection);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** A consumer on a channel of its own, which takes with it what it has not settled. */
  async consume(queue: string, prefetch: number | undefined, exclusive: boolean): Promise<Consuming | Said> {
    const channel = await this.connection.createChannel();
    const consuming: Consuming = {
      channel,
      isAcking: prefetch !== undefined,
      received: [],
      unsettled: [],
      settled: undefined,
      isEnded: false,
      failure: undefined,
    };
    channel.on('error', (error) => {
      consuming.failure = error;
    });
    if (prefetch !== undefined) await channel.prefetch(prefetch);
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) consuming.isEnded = true;
      else {
        consuming.received.push(message);
        if (consuming.isAcking) consuming.unsettled.push(message);
      }
    };
    try {
      await channel.consume(queue, take, { noAck: !consuming.isAcking, exclusive });
      return consuming;
    } catch (error) {
      return saidOf(error);
    }
  }
}
