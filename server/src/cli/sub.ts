/**
 * `ringhub sub`: prints what a subscription gets. A message counts as processed once stdout has taken it.
 */
import type {
  Hub,
  Message,
  Since,
  Subscription,
  SubscriptionEvent,
  SubscriptionOptions,
} from '@ringhub/client';
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

interface SubFlags extends HubFlags {
  readonly verbose?: true;
  readonly count?: number;
  readonly since?: Since;
  readonly overflow?: SubscriptionOptions['overflow'];
  readonly ack?: 'auto' | 'none';
  readonly arg?: Values;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ ringhub sub amq.topic 'greeting.#'                     payloads, one a line
  $ ringhub sub amq.topic 'orders.*' 'refunds.#' -v        two patterns; routing keys, too
  $ ringhub sub amq.topic 'prices.#' --since last-per-key  the latest of each key, then live
  $ ringhub sub amq.topic 'logs.#' --since 10m -n 100      what came in the last ten minutes, 100 at most
  $ ringhub sub amq.topic '#' --json | jq .routingKey      everything about each message, and gaps
  $ ringhub sub amq.headers '' --arg x-match=any --arg kind=daily
  $ ringhub sub hub.events '#' --json                      what happens in the hub

Quote patterns: * and # mean something to shells. * is one word, # any number of words.
Messages go to stdout, everything else to stderr. What was lost is told: as {"kind":"gap"} with --json, else on
stderr. At the end a cursor is told, with which --since goes on right there.
${EXIT_CODES}`;

export const subCommand = (): Command =>
  withHub(new Command('sub'))
    .description('subscribe to patterns on an exchange and print what comes')
    .argument('<exchange>', 'exchange to subscribe to')
    .argument('<pattern...>', 'patterns of routing keys')
    .option('-v, --verbose', 'print the routing key before the payload')
    .option('-n, --count <number>', 'end after so many messages', count)
    .option(
      '--since <start>',
      'live (default), earliest, last-per-key, a cursor, a time, or 10m for ago',
      since,
    )
    .addOption(
      new Option('--overflow <policy>', 'what gives way when this reader is too slow').choices([
        'drop-oldest',
        'drop-newest',
        'conflate',
        'catch-up',
        'disconnect',
      ]),
    )
    .addOption(
      new Option('--ack <mode>', 'none: faster, unprinted messages may be lost').choices(['auto', 'none']),
    )
    .option('--arg <name=value>', 'an argument of the bindings, for headers exchanges', pair)
    .option('--json', 'print messages, gaps and ends of snapshots as lines of JSON')
    .addHelpText('after', EXAMPLES)
    .action((exchange: string, patterns: string[], flags: SubFlags) =>
      talk(flags, (hub, end) => subscribe(hub, end, exchange, patterns, flags)),
    );

async function subscribe(
  hub: Hub,
  end: AbortSignal,
  exchange: string,
  patterns: readonly string[],
  flags: SubFlags,
): Promise<undefined> {
  tellConnection(hub);
  const { since, overflow, ack, arg } = flags;
  const wait = new AbortController();
  const waited = timeoutOf(flags, end);
  const giveUp = () => wait.abort(waited.reason);
  waited.addEventListener('abort', giveUp);
  const subscription = await hub.subscribe({
    bindings: patterns.map((pattern) =>
      arg ? ([exchange, pattern, arg] as const) : ([exchange, pattern] as const),
    ),
    since,
    overflow,
    ack,
    signal: wait.signal,
  });
  waited.removeEventListener('abort', giveUp);
  if (!end.aborted) notice(`subscribed to ${patterns.join(' ')} on ${exchange}`);
  const leave = () => void subscription.unsubscribe();
  if (end.aborted) leave();
  end.addEventListener('abort', leave);
  await printAll(subscription, end, flags);
  const { cursor } = subscription;
  await subscription.unsubscribe();
  if (cursor !== null) notice(`to go on from here: --since ${cursor}`);
}

async function printAll(subscription: Subscription, end: AbortSignal, flags: SubFlags): Promise<void> {
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  for await (const event of subscription) {
    try {
      await printEvent(event, flags);
    } catch (error) {
      // The reader of stdout has left: that ends the command like a signal.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
      throw error;
    }
    if (event.kind !== 'message') continue;
    if (--left > 0 && !end.aborted) continue;
    event.ack();
    return;
  }
}

function printEvent(event: SubscriptionEvent, { json, verbose }: SubFlags): Promise<void> | void {
  if (json) return print(`${JSON.stringify(toJson(event))}\n`);
  if (event.kind === 'gap') return notice(`missed ${event.count ?? 'unknown'} messages (${event.reason})`);
  if (event.kind === 'snapshot-end')
    return notice(event.complete ? 'live from here' : 'live from here; the hub had forgotten some keys');
  return print(payloadLine(event, verbose));
}

/** The payload of a message as it came, and a line break. */
export function payloadLine(
  { raw, routingKey }: Pick<Message, 'raw' | 'routingKey'>,
  verbose = false,
): Buffer {
  const payload = Buffer.from(raw as string);
  const key = verbose ? Buffer.from(`${routingKey} `) : Buffer.alloc(0);
  return Buffer.concat([key, payload, Buffer.from('\n')]);
}

function toJson(event: SubscriptionEvent): unknown {
  if (event.kind !== 'message') return event;
  const { kind, exchange, routingKey, contentType, headers, id, timeMs, position, replaced, redelivered } =
    event;
  return {
    kind,
    exchange,
    routingKey,
    ...dataOf(event),
    contentType,
    headers,
    id,
    timeMs,
    position,
    replaced,
    redelivered,
  };
}

/** Values of JSON messages as such, text as text, bytes as base64. */
export function dataOf(message: Pick<Message, 'data' | 'raw'>): { data: unknown } | { b64: string } {
  try {
    const { data } = message;
    return data instanceof Uint8Array ? { b64: Buffer.from(data).toString('base64') } : { data };
  } catch {
    return { data: message.raw };
  }
}

export function tellConnection(hub: Hub): void {
  let isLost = false;
  hub.addEventListener('state', ({ state, resumed }) => {
    if (state === 'waiting' && !isLost) notice('the connection is lost: trying again');
    if (state === 'draining') notice('the hub is shutting down: will come back to it');
    if (state === 'online' && isLost)
      notice(resumed ? 'connected again' : 'connected again, as a new session');
    isLost = state === 'waiting' || (isLost && state !== 'online');
  });
}

function since(text: string): Since {
  if (text === 'live' || text === 'earliest' || text === 'last-per-key') return text;
  if (/^[vd]:/.test(text)) return { cursor: text };
  const agoMs = /\D/.test(text) ? durationMs(text) : undefined;
  const timeMs = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs;
  if (timeMs >= 0) return { timeMs };
  throw new InvalidArgumentError(
    'Write live, earliest, last-per-key, a cursor, a time like 2026-01-31T12:00:00Z, or 10m for ten minutes ago.',
  );
}
