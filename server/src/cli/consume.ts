/**
 * `ringhub consume`: prints messages of a named queue, in competition with whoever else consumes it. A message counts as
 * processed once stdout has taken it.
 */
import type { Hub } from '@ringhub/client';
import { type ConsumerOptions, consume, type QueueConsumer, type QueueMessage } from '@ringhub/client/queues';
import { Command, Option } from 'commander';
import { count, EXIT_CODES, type HubFlags, notice, print, talk, timeoutOf, withHub } from './session.ts';
import { dataOf, payloadLine, tellConnection } from './sub.ts';

interface ConsumeFlags extends HubFlags {
  readonly verbose?: true;
  readonly count?: number;
  readonly ack?: 'auto' | 'none';
  readonly prefetch?: number;
  readonly exclusive?: true;
  readonly json?: true;
}

const DEFAULT_PREFETCH = 256;

const EXAMPLES = `
Examples:
  $ ringhub consume jobs                 payloads, one a line
  $ ringhub consume jobs -n 1            one message
  $ ringhub consume jobs -v              routing keys, too
  $ ringhub consume jobs --json | jq .attempt
  $ ringhub consume jobs.dead --json | jq .xDeath

What was printed is acknowledged. What was sent here and not printed goes back to the queue when this command ends.
${EXIT_CODES}`;

export const consumeCommand = (): Command =>
  withHub(new Command('consume'))
    .description('consume a named queue and print what comes')
    .argument('<queue>', 'its name')
    .option('-v, --verbose', 'print the routing key before the payload')
    .option('-n, --count <number>', 'end after so many messages', count)
    .addOption(
      new Option('--ack <mode>', 'none: faster, unprinted messages may be lost').choices(['auto', 'none']),
    )
    .option('--prefetch <number>', 'messages sent here and not printed yet, at most (default: 256)', count)
    .option('--exclusive', 'nobody else may consume meanwhile')
    .option('--json', 'print messages as lines of JSON')
    .hook('preAction', (command) => {
      const { ack, count: wanted } = command.opts<ConsumeFlags>();
      if (ack === 'none' && wanted !== undefined)
        command.error('--ack none takes what there is, not --count of it');
    })
    .addHelpText('after', EXAMPLES)
    .action((queue: string, flags: ConsumeFlags) =>
      talk(flags, (hub, end) => consumeAll(hub, end, queue, flags)),
    );

async function consumeAll(
  hub: Hub,
  end: AbortSignal,
  queue: string,
  flags: ConsumeFlags,
): Promise<undefined> {
  tellConnection(hub);
  const wait = new AbortController();
  const waited = timeoutOf(flags, end);
  const giveUp = () => wait.abort(waited.reason);
  waited.addEventListener('abort', giveUp);
  const prefetch = Math.min(flags.prefetch ?? DEFAULT_PREFETCH, flags.count ?? DEFAULT_PREFETCH);
  const options: ConsumerOptions = {
    ack: flags.ack === 'none' ? 'none' : 'manual',
    prefetch,
    exclusive: flags.exclusive,
    // Whoever ends this command wants others to have the rest at once.
    onLost: 'requeue',
    signal: wait.signal,
  };
  const consumer = await consume(hub, queue, options);
  waited.removeEventListener('abort', giveUp);
  if (!end.aborted) notice(`consuming ${queue}`);
  const printed = new Printed();
  const leave = () => {
    noMore(consumer);
    printed.ack();
    void consumer.unsubscribe();
  };
  if (end.aborted) leave();
  end.addEventListener('abort', leave);
  await printAll(consumer, end, flags, printed);
  await consumer.unsubscribe();
}

/** Messages that were printed, and are to be acknowledged. */
class Printed {
  #held: QueueMessage[] = [];

  add(message: QueueMessage): void {
    this.#held.push(message);
  }

  ack(): void {
    for (const message of this.#held) message.ack();
    this.#held = [];
  }
}

/**
 * With a count, the last messages are acknowledged together at the end: each ack makes room for another one, which
 * would be sent here in vain, and counted as an attempt.
 */
async function printAll(
  consumer: QueueConsumer,
  end: AbortSignal,
  flags: ConsumeFlags,
  printed: Printed,
): Promise<void> {
  const { prefetch } = consumer.granted;
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  for await (const message of consumer) {
    // A reader of stdout that has left ends the command like a signal.
    const hasReader = await tryPrint(
      flags.json ? `${JSON.stringify(toJson(message))}\n` : payloadLine(message, flags.verbose),
    );
    if (hasReader) {
      printed.add(message);
      left--;
    }
    const isOver = !hasReader || left === 0 || end.aborted;
    // Otherwise these acks, too, would have others sent here.
    if (isOver) noMore(consumer);
    // Before the loop is left: that ends the consumer.
    if (isOver || left >= prefetch) printed.ack();
    if (isOver) return;
  }
}

/** Said in time, nothing more is sent; too late, what was sent goes back. */
const noMore = (consumer: QueueConsumer): void => void consumer.pause().catch(() => {});

async function tryPrint(data: string | Uint8Array): Promise<boolean> {
  try {
    await print(data);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}

function toJson(message: QueueMessage): unknown {
  const { exchange, routingKey, contentType, headers, id, timeMs, position, attempt, xDeath } = message;
  return {
    exchange,
    routingKey,
    ...dataOf(message),
    contentType,
    headers,
    id,
    timeMs,
    position,
    attempt,
    ...(xDeath.length > 0 && { xDeath }),
  };
}
