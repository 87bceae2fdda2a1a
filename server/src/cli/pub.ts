/**
 * `ringhub pub`: publishes what the command line or stdin says.
 */
import { createInterface } from 'node:readline';
import type { Hub, PublishOptions, Receipt } from '@ringhub/client';
import { Command, InvalidArgumentError } from 'commander';
import {
  CliError,
  durationMs,
  EXIT,
  EXIT_CODES,
  type HubFlags,
  notice,
  pair,
  print,
  talk,
  timeoutOf,
  told,
  type Values,
  withHub,
} from './session.ts';

interface PubFlags extends HubFlags {
  readonly lines?: true;
  readonly contentType?: string;
  readonly header?: Values;
  readonly id?: string;
  readonly ttl?: number;
  readonly mandatory?: true;
  readonly verbose?: true;
  readonly json?: true;
}

/** Lines under way at once; fewer than the outbox holds. */
const MAX_UNDER_WAY = 256;

const EXAMPLES = `
Examples:
  $ ringhub pub amq.topic greeting.world hello
  $ ringhub pub amq.topic sensors.1 '{"celsius":21}' --content-type application/json
  $ ringhub pub amq.headers "" report --header kind=daily --header pages=3
  $ ringhub pub amq.topic logs.app < notes.txt          the whole of stdin as one message
  $ tail -f app.log | ringhub pub amq.topic logs.app -l   a message for each line
  $ ringhub pub amq.topic orders.1 paid --id order-1-paid   safe to run twice
  $ ringhub pub amq.topic orders.1 paid --mandatory || echo nobody listens
  $ ringhub pub '' jobs 'do this' -v                    straight into the named queue jobs

Header values that are JSON numbers, true, false, null or "quoted" are those; everything else is text.
${EXIT_CODES}`;

export const pubCommand = (): Command =>
  withHub(new Command('pub'))
    .description('publish a message, or one for each line of stdin')
    .argument('<exchange>', 'exchange to publish to')
    .argument('<key>', 'routing key')
    .argument('[payload]', 'the message; stdin where it is left out')
    .option('-l, --lines', 'publish each line of stdin as a message')
    .option('--content-type <type>', 'such as application/json (default: text/plain, or bytes)')
    .option('-H, --header <name=value>', 'a header; may be given again', pair)
    .option('--id <id>', 'the same id is published once')
    .option('--ttl <duration>', 'expires where it waits longer: 500ms, 30s, 10m …', ttl)
    .option('--mandatory', 'refuse it where neither a subscriber nor a queue would get it')
    .option('-v, --verbose', 'tell on stderr where each message went: its place in the log, sessions, queues')
    .option('--json', 'print the receipt of each message as a line of JSON')
    .addHelpText('after', EXAMPLES)
    .action((exchange: string, key: string, payload: string | undefined, flags: PubFlags) =>
      talk(flags, (hub, end) => publish(hub, end, { exchange, key, payload, flags })),
    );

interface Wanted {
  readonly exchange: string;
  readonly key: string;
  readonly payload: string | undefined;
  readonly flags: PubFlags;
}

function publish(hub: Hub, end: AbortSignal, wanted: Wanted): Promise<number> {
  const { payload, flags } = wanted;
  if (flags.lines && payload !== undefined) {
    throw new CliError(EXIT.usage, '--lines reads stdin: leave the payload out');
  }
  if (flags.lines && flags.id !== undefined) {
    throw new CliError(EXIT.usage, '--id names one message: leave it out with --lines');
  }
  return flags.lines ? publishLines(hub, end, wanted) : publishOne(hub, end, wanted);
}

async function publishOne(hub: Hub, end: AbortSignal, wanted: Wanted): Promise<number> {
  const { exchange, key, payload = await readStdin(end), flags } = wanted;
  const receipt = await hub.publish(exchange, key, payload, optionsOf(flags, end));
  await tell(receipt, flags);
  const isTaken = receipt.sessions > 0 || receipt.duplicate || (receipt.queues?.took.length ?? 0) > 0;
  if (!isTaken && !flags.json) notice('published; nobody is subscribed to it now');
  return 0;
}

/** Outcomes are told in the order of the lines; the exit code is that of the first that failed. */
async function publishLines(hub: Hub, end: AbortSignal, { exchange, key, flags }: Wanted): Promise<number> {
  const underWay: Promise<() => Promise<number>>[] = [];
  let exitCode = 0;
  let number = 0;
  const settle = async (atMost: number) => {
    while (underWay.length > atMost) {
      const tellOutcome = await underWay.shift()!;
      const code = await tellOutcome();
      exitCode ||= code;
    }
  };
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal: end });
  for await (const line of lines) {
    const about = `line ${++number}: `;
    underWay.push(
      hub.publish(exchange, key, line, optionsOf(flags, end)).then(
        (receipt) => async () => {
          await tell(receipt, flags).catch(() => {
            throw new CliError(EXIT.refused, `stopped at ${about}nobody reads the receipts any more`);
          });
          return 0;
        },
        (error: unknown) => async () => told(error, about),
      ),
    );
    await settle(MAX_UNDER_WAY);
  }
  await settle(0);
  return end.aborted ? EXIT.interrupted : exitCode;
}

async function tell(receipt: Receipt, { json, verbose }: PubFlags): Promise<void> {
  const { queues } = receipt;
  if (json) await print(`${JSON.stringify(receipt)}\n`);
  if (verbose) notice(receiptText(receipt));
  // Others took it, so it is published: but who fills a queue wants to know.
  else if (!json) for (const refused of queues?.refused ?? []) notice(refusalText(refused));
}

function receiptText({ position, sessions, duplicate, queues }: Receipt): string {
  const { log, offset } = position;
  if (duplicate) return 'published before; not again';
  const took = queues?.took ?? [];
  return [
    `published at ${log}:${offset}`,
    `for ${sessions} ${sessions === 1 ? 'session' : 'sessions'}`,
    ...(took.length > 0 ? [`queued in ${took.join(', ')}`] : []),
    ...(queues?.refused.map(refusalText) ?? []),
  ].join('; ');
}

const refusalText = ([queue, reason]: readonly [string, string]): string =>
  `the queue ${queue} refused it (${reason})`;

const optionsOf = (flags: PubFlags, end: AbortSignal): PublishOptions => {
  const { contentType, header, id, ttl, mandatory } = flags;
  const signal = timeoutOf(flags, end);
  return { contentType, headers: header, id, ttlMs: ttl, mandatory, signal };
};

/** All of stdin: text where it is valid UTF-8, else bytes. */
async function readStdin(end: AbortSignal): Promise<string | Uint8Array> {
  const chunks: Buffer[] = [];
  const stop = () => process.stdin.destroy();
  end.addEventListener('abort', stop);
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  end.removeEventListener('abort', stop);
  const bytes = Buffer.concat(chunks);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Uint8Array(bytes);
  }
}

function ttl(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('Write it like 500ms, 30s, 10m or 2h.');
  return ms;
}
