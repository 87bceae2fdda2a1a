/**
 * `ringhub queue …`: named queues come, are bound, looked at, emptied and go.
 */
import { topology } from '@ringhub/client/admin';
import {
  bindQueue,
  declareQueue,
  deleteQueue,
  inspectQueue,
  purgeQueue,
  type QueueInfo,
  type QueueOptions,
  unbindQueue,
} from '@ringhub/client/queues';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  count,
  durationMs,
  EXIT_CODES,
  type HubFlags,
  notice,
  pair,
  print,
  talk,
  timeoutOf,
  type Values,
  withHub,
} from './session.ts';
import { table } from './table.ts';

interface DeclareFlags extends HubFlags {
  readonly durable?: true;
  readonly autoDelete?: true;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  readonly overflow?: QueueOptions['overflow'];
  readonly messageTtl?: number;
  readonly expires?: number;
  readonly deliveryLimit?: number | 'none';
  readonly deadLetterExchange?: string;
  readonly deadLetterKey?: string;
  readonly retryDelay?: number;
  readonly retryMax?: number;
}

const DECLARE_EXAMPLES = `
Examples:
  $ ringhub queue declare jobs --durable
  $ ringhub queue declare jobs --durable --retry-delay 1s --retry-max 5m --delivery-limit 10
  $ ringhub queue declare mails --max-messages 10000 --overflow reject-publish
  $ ringhub queue declare invoices --dead-letter-exchange '' --dead-letter-key invoices.dead

Declared again as it is, a queue stays as it is; declared differently, it is refused. To publish straight to a queue, name
the exchange '' and the queue for a key: ringhub pub '' jobs 'hello'.
${EXIT_CODES}`;

const declare = (): Command =>
  withHub(new Command('declare'))
    .description('make a named queue')
    .argument('<queue>', 'its name')
    .option('--durable', 'it and its messages survive the hub')
    .option('--auto-delete', 'deleted with its last consumer')
    .option(
      '--max-messages <number>',
      'messages it holds at most (default: 1000000 durable, else 100000)',
      count,
    )
    .option('--max-bytes <number>', 'their bytes (default: 1 GiB durable, else 64 MiB)', count)
    .addOption(
      new Option('--overflow <policy>', 'what happens when it is full (default: drop-head)').choices([
        'drop-head',
        'reject-publish',
      ]),
    )
    .option('--message-ttl <duration>', 'messages waiting longer expire, such as 10m', duration)
    .option('--expires <duration>', 'deleted after so long unused', duration)
    .option(
      '--delivery-limit <number>',
      'failed attempts a message may have, or none for no limit (default: 20)',
      limit,
    )
    .option(
      '--dead-letter-exchange <exchange>',
      'gets what is rejected, expires, gives way or fails too often',
    )
    .option('--dead-letter-key <key>', 'with this routing key')
    .option('--retry-delay <duration>', 'a nacked message waits so long, doubled each time', duration)
    .option('--retry-max <duration>', 'but never longer than this (default: 1h)', duration)
    .hook('preAction', (command) => {
      const { retryDelay, retryMax } = command.opts<DeclareFlags>();
      if (retryMax !== undefined && retryDelay === undefined)
        command.error('--retry-max needs --retry-delay');
    })
    .addHelpText('after', DECLARE_EXAMPLES)
    .action((queue: string, flags: DeclareFlags) =>
      talk(flags, async (hub, end) => {
        await declareQueue(hub, queue, { ...optionsOf(flags), signal: timeoutOf(flags, end) });
        return undefined;
      }),
    );

/** What was given, under the names of the wire. */
function optionsOf(flags: DeclareFlags): QueueOptions {
  const { durable, autoDelete, maxMessages, maxBytes, overflow, deliveryLimit } = flags;
  const { deadLetterExchange, deadLetterKey, retryDelay, retryMax } = flags;
  return {
    ...(durable && { durable }),
    ...(autoDelete && { autoDelete }),
    ...(maxMessages !== undefined && { maxMessages }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(overflow && { overflow }),
    ...(flags.messageTtl !== undefined && { messageTtlMs: flags.messageTtl }),
    ...(flags.expires !== undefined && { expiresMs: flags.expires }),
    ...(deliveryLimit !== undefined && { deliveryLimit: deliveryLimit === 'none' ? null : deliveryLimit }),
    ...(deadLetterExchange !== undefined && { deadLetterExchange }),
    ...(deadLetterKey !== undefined && { deadLetterKey }),
    ...(retryDelay !== undefined && {
      retry: { delayMs: retryDelay, ...(retryMax !== undefined && { maxDelayMs: retryMax }) },
    }),
  };
}

const remove = (): Command =>
  withHub(new Command('delete'))
    .description('take a named queue away, with its messages and bindings')
    .argument('<queue>', 'its name')
    .option('--if-unused', 'only where nobody consumes it')
    .option('--if-empty', 'only where it holds no message')
    .addHelpText('after', EXIT_CODES)
    .action((queue: string, flags: HubFlags & { ifUnused?: true; ifEmpty?: true }) =>
      talk(flags, async (hub, end) => {
        const { ifUnused, ifEmpty } = flags;
        const conditions = { ...(ifUnused && { ifUnused }), ...(ifEmpty && { ifEmpty }) };
        tellGone(await deleteQueue(hub, queue, { ...conditions, signal: timeoutOf(flags, end) }));
        return undefined;
      }),
    );

const purge = (): Command =>
  withHub(new Command('purge'))
    .description('take away what is ready or delayed in a named queue')
    .argument('<queue>', 'its name')
    .addHelpText('after', EXIT_CODES)
    .action((queue: string, flags: HubFlags) =>
      talk(flags, async (hub, end) => {
        tellGone(await purgeQueue(hub, queue, { signal: timeoutOf(flags, end) }));
        return undefined;
      }),
    );

const tellGone = (messages: number): void =>
  notice(`${messages} ${messages === 1 ? 'message is' : 'messages are'} gone`);

const inspect = (): Command =>
  withHub(new Command('inspect'))
    .description('show what a named queue holds, its options, figures and ledger, as JSON')
    .argument('<queue>', 'its name')
    .addHelpText('after', EXIT_CODES)
    .action((queue: string, flags: HubFlags) =>
      talk(flags, async (hub, end) => {
        const info = await inspectQueue(hub, queue, { signal: timeoutOf(flags, end) });
        await print(`${JSON.stringify(info, null, 2)}\n`);
        return undefined;
      }),
    );

const list = (): Command =>
  withHub(new Command('list'))
    .description('show the named queues')
    .option('--json', 'everything about each as one JSON array')
    .addHelpText('after', EXIT_CODES)
    .action((flags: HubFlags & { json?: true }) =>
      talk(flags, async (hub, end) => {
        const { queues, complete } = await topology(hub, { signal: timeoutOf(flags, end) });
        await print(flags.json ? `${JSON.stringify(queues)}\n` : queueTable(queues));
        if (!complete) notice('there is more than this list holds');
        return undefined;
      }),
    );

export const queueTable = (queues: readonly QueueInfo[]): string =>
  table(
    ['QUEUE', 'READY', 'IN FLIGHT', 'DELAYED', 'CONSUMERS', 'ATTRIBUTES'],
    queues.map(({ name, messages, consumers, options }) => [
      name,
      ...[messages.ready, messages.inflight, messages.delayed, consumers].map(String),
      [
        options.durable && 'durable',
        options.exclusive && 'exclusive',
        options.autoDelete && 'auto-delete',
        options.overflow === 'reject-publish' && 'reject-publish',
        options.deadLetterExchange !== undefined && `dead-letters=${options.deadLetterExchange || '""'}`,
      ]
        .filter(Boolean)
        .join(' '),
    ]),
  );

const BIND_EXAMPLES = `
Examples:
  $ ringhub queue bind jobs amq.topic 'jobs.#'
  $ ringhub queue bind daily amq.headers '' --arg x-match=any --arg kind=daily
  $ ringhub queue unbind jobs amq.topic 'jobs.#'
${EXIT_CODES}`;

const binding = (name: string, description: string, change: typeof bindQueue): Command =>
  withHub(new Command(name))
    .description(description)
    .argument('<queue>', 'queue that gets the messages')
    .argument('<exchange>', 'exchange they come from')
    .argument('[key]', 'routing key, or pattern for a topic exchange', '')
    .option('--arg <name=value>', 'an argument, for headers exchanges; may be given again', pair)
    .addHelpText('after', BIND_EXAMPLES)
    .action((queue: string, exchange: string, key: string, flags: HubFlags & { arg?: Values }) =>
      talk(flags, async (hub, end) => {
        await change(hub, queue, exchange, key, flags.arg, { signal: timeoutOf(flags, end) });
        return undefined;
      }),
    );

export function queueCommand(): Command {
  const command = new Command('queue').description('named queues: shared by competing consumers');
  const commands = [
    declare(),
    binding('bind', 'have a queue get messages of an exchange', bindQueue),
    binding('unbind', 'take a binding of a queue back', unbindQueue),
    list(),
    inspect(),
    purge(),
    remove(),
  ];
  for (const one of commands) command.addCommand(one);
  return command;
}

function duration(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('Write it like 500ms, 30s, 10m, 2h or 1d.');
}

/** Commander takes a null for an option without a value. */
const limit = (text: string): number | 'none' => (text === 'none' ? text : text === '0' ? 0 : count(text));
