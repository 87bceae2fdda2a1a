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

const EXAMPLES = `
Examples:
  $ ringhub consume jobs                 payloads, one a line
  $ ringhub consume jobs -n 1            one message
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
    .option('--prefetch <number>', 'messages sent here and not printed yet, at most', count)
    .option('--exclusive', 'nobody else may consume meanwhile')
    .option('--json', 'print messages as lines of JSON')
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
  const options: ConsumerOptions = {
    ack: flags.ack,
    // Not more than will be printed: the rest is for others.
    prefetch: flags.prefetch ?? flags.count,
    exclusive: flags.exclusive,
    // Whoever ends this command wants others to have the rest at once.
    onLost: 'requeue',
    signal: wait.signal,
  };
  const consumer = await consume(hub, queue, options);
  waited.removeEventListener('abort', giveUp);
  if (!end.aborted) notice(`consuming ${queue}`);
  const leave = () => void consumer.unsubscribe();
  if (end.aborted) leave();
  end.addEventListener('abort', leave);
  await printAll(consumer, end, flags);
  await consumer.unsubscribe();
}

async function printAll(consumer: QueueConsumer, end: AbortSignal, flags: ConsumeFlags): Promise<void> {
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  for await (const message of consumer) {
    try {
      await print(flags.json ? `${JSON.stringify(toJson(message))}\n` : payloadLine(message, flags.verbose));
    } catch (error) {
      // The reader of stdout has left: that ends the command like a signal.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
      throw error;
    }
    if (--left > 0 && !end.aborted) continue;
    message.ack();
    return;
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
