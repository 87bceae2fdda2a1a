/**
 * What the commands that talk to a hub share: where it is, who calls, how they end.
 *
 * Data goes to stdout, everything else to stderr, each trouble in one line that says what to do. The exit code
 * says what happened: {@link EXIT}.
 */
import { readFileSync, statSync } from 'node:fs';
import { connect, type ErrorName, type Hub, RinghubError } from '@ringhub/client';
import { type Command, InvalidArgumentError } from 'commander';

export const EXIT = {
  /** The hub refused it. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** There is no hub to talk to, or it does not let this caller in. */
  noHub: 3,
  /** It may or may not have been done. */
  unknown: 4,
  /** With --mandatory: nobody would have got it. */
  unroutable: 5,
  /** By SIGINT or SIGTERM before it was done. */
  interrupted: 130,
} as const;

export const EXIT_CODES = `
Exit codes: 0 done, 1 refused by the hub, 2 wrong usage, 3 no hub or not let in, 4 outcome unknown, 5 unroutable,
130 interrupted before it was done.`;

const DEFAULT_URL = 'ws://127.0.0.1:8080';

export interface HubFlags {
  readonly url?: string;
  readonly tokenFile?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** Options of all commands that talk to a hub. */
export const withHub = (command: Command): Command =>
  command
    .option('--url <url>', `the hub (default: RINGHUB_URL, else ${DEFAULT_URL})`)
    .option('--token-file <file>', 'file that holds the token, readable only by you (or RINGHUB_TOKEN)')
    .option('--timeout <seconds>', 'give up after so long without an answer', positive, 10);

/** Ends the process with a line for people. */
export class CliError extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

export const notice = (text: string): void => void process.stderr.write(`ringhub: ${text}\n`);

/** Writes data, and waits until the reader has room for more. */
export const print = (data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });

/**
 * Connects, does something, closes, tells what went wrong, and ends the process: all data was taken by then, and
 * nothing that still waits somewhere may hold it up.
 *
 * @param end aborts what `act` does: a signal, or a reader of stdout that has left
 */
export async function talk(
  flags: HubFlags,
  act: (hub: Hub, end: AbortSignal) => Promise<number | undefined>,
): Promise<void> {
  const end = new AbortController();
  const stop = () => {
    if (end.signal.aborted) process.exit(EXIT.interrupted);
    end.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    end.abort();
  });
  let hub: Hub | undefined;
  let exitCode = 0;
  try {
    hub = await connected(flags, end.signal);
    exitCode = (await act(hub, end.signal)) ?? 0;
  } catch (error) {
    // A reader of stdout that has left has seen what it wanted.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') exitCode = 0;
    else if (end.signal.aborted && !(error instanceof CliError)) exitCode = EXIT.interrupted;
    else exitCode = told(error);
  } finally {
    await hub?.close();
  }
  process.exit(exitCode);
}

/** A signal that ends a command after `--timeout`. */
export const timeoutOf = ({ timeout }: HubFlags, end: AbortSignal): AbortSignal =>
  AbortSignal.any([end, AbortSignal.timeout(timeout * 1000)]);

/** Tells an error in one line; returns the exit code for it. */
export function told(error: unknown, about = ''): number {
  const { exitCode, message } = explained(error);
  notice(about + message);
  return exitCode;
}

function explained(error: unknown): { exitCode: number; message: string } {
  if (error instanceof CliError) return error;
  if (error instanceof RinghubError) {
    const { name, message, detail } = error;
    const what = Object.values(detail).join(', ');
    const hint = HINTS[name as ErrorName];
    return {
      exitCode: EXITS[name as ErrorName] ?? EXIT.refused,
      // The hub's text begins with the error's name.
      message: `${message}${what && ` [${what}]`}${hint ? `: ${hint}` : ''}`,
    };
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { exitCode: EXIT.noHub, message: 'the hub did not answer in time: try again, or raise --timeout' };
  }
  return { exitCode: EXIT.refused, message: error instanceof Error ? error.message : String(error) };
}

const HINTS: Partial<Record<ErrorName, string>> = {
  'unknown-exchange': '"ringhub list" shows those there are, "ringhub declare" makes one',
  'exchange-mismatch': '"ringhub list" shows how it was declared; delete it first, or choose another name',
  'exchange-in-use': 'leave --if-unused out to delete it nevertheless',
  'unknown-binding': '"ringhub list --bindings" shows those there are',
  'queue-not-found': '"ringhub queue list" shows those there are, "ringhub queue declare" makes one',
  'queue-mismatch': '"ringhub queue inspect" shows its options; delete it first, or choose another name',
  'queue-in-use': 'end its consumers, or leave --if-unused out',
  'queue-not-empty': 'leave --if-empty out to delete it nevertheless',
  'internal-exchange': 'publish to an exchange that is bound to it',
  forbidden: 'use another token, or ask for the permission',
  unroutable: 'nobody is subscribed to it; leave --mandatory out to publish nevertheless',
  'outcome-unknown': 'with --id it is safe to try again',
  'payload-too-large': 'send less, or raise the limit of the hub',
  'too-many-hashes': 'use at most two # in a pattern',
};

const EXITS: Partial<Record<ErrorName, number>> = {
  unauthorized: EXIT.noHub,
  'unsupported-version': EXIT.noHub,
  'outcome-unknown': EXIT.unknown,
  unroutable: EXIT.unroutable,
};

/** Connects once: whoever types a command wants to know that there is no hub, not to wait for one. */
async function connected(flags: HubFlags, end: AbortSignal): Promise<Hub> {
  const url = urlOf(flags);
  const token = tokenOf(flags);
  const attempt = new AbortController();
  const timeout = setTimeout(() => attempt.abort(noHub(url)), flags.timeout * 1000);
  let isConnected = false;
  try {
    const hub = await connect(url, {
      client: `ringhub ${process.argv[2] ?? ''}`.trim(),
      signal: AbortSignal.any([attempt.signal, end]),
      getToken: ({ reason }) => {
        if (reason === 'unauthorized') attempt.abort(notLetIn(token));
        else if (reason === 'reconnect' && !isConnected) attempt.abort(noHub(url));
        return token;
      },
    });
    isConnected = true;
    return hub;
  } finally {
    clearTimeout(timeout);
  }
}

const noHub = (url: URL) =>
  new CliError(
    EXIT.noHub,
    `cannot reach a hub at ${url.href}: is it running? --url or RINGHUB_URL say where`,
  );

const notLetIn = (token: string | undefined) =>
  new CliError(
    EXIT.noHub,
    token === undefined
      ? 'the hub wants a token: set RINGHUB_TOKEN, or name a file with --token-file'
      : 'the hub does not accept this token: check RINGHUB_TOKEN or --token-file',
  );

export function urlOf({ url = process.env.RINGHUB_URL || DEFAULT_URL }: Pick<HubFlags, 'url'>): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['ws:', 'wss:', 'http:', 'https:'].includes(parsed.protocol)) {
    throw new CliError(EXIT.usage, `${url} is no URL of a hub: write it like ${DEFAULT_URL}`);
  }
  if (parsed.username || parsed.password || parsed.search) {
    throw new CliError(EXIT.usage, 'a token has no place in the URL: use RINGHUB_TOKEN or --token-file');
  }
  return parsed;
}

export function tokenOf({ tokenFile }: Pick<HubFlags, 'tokenFile'>): string | undefined {
  if (tokenFile === undefined) return process.env.RINGHUB_TOKEN || undefined;
  try {
    const others = statSync(tokenFile).mode & 0o077;
    if (others !== 0 && process.platform !== 'win32') {
      notice(`others can read ${tokenFile}: run chmod 600 ${tokenFile}`);
    }
    return readFileSync(tokenFile, 'utf8').trim();
  } catch {
    throw new CliError(
      EXIT.usage,
      `cannot read the token file ${tokenFile}: check its path and who may read it`,
    );
  }
}

// ── values of options ──

export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1e6) return value;
  throw new InvalidArgumentError('It has to be a number above 0.');
}

export function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It has to be a whole number above 0.');
}

const UNITS_MS = { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `1500`, `500ms`, `30s`, `10m`, `2h`, `1d` in ms; `undefined` for anything else. */
export function durationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,12})(ms|s|m|h|d|)$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** Adds `name=value`; a value that is a JSON number, boolean, null or string is that, everything else is text. */
export function pair(text: string, before: Values = {}): Values {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write it as name=value.');
  const value = text.slice(at + 1);
  return { ...before, [text.slice(0, at)]: scalar(value) };
}

export type Values = Readonly<Record<string, string | number | boolean | null>>;

function scalar(text: string): string | number | boolean | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? text : (value as string | number | boolean | null);
  } catch {
    return text;
  }
}
