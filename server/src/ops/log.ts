/**
 * The hub's log: one JSON object a line, on stderr.
 *
 * Holds no payloads and no secrets: callers pass names, numbers and reasons, and what is called like a secret is
 * left out wherever it stands. What comes from a peer is cut to a length, and can neither forge a line nor act on a
 * terminal or a page that shows it: control characters, those that turn the direction of text, and `<` are escaped.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const SECRET = /^(.*token|authorization|cookie|payload|secret|password|passphrase|jwt|apikey)$/i;
const STDERR = 2;

/** Bounds of what one line tells. */
const MAX_TEXT = 1_000;
const MAX_STACK = 4_000;
const MAX_FIELDS = 50;
const MAX_DEPTH = 4;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get out
const UNSAFE = /[<\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Writes synchronously by default: the last lines before a crash are the ones that matter. */
export function createLog(
  level: LogLevel,
  to: DestinationStream = destination({ dest: STDERR, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: { name: 'ringhub' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => bounded(fields, 0) as Record<string, unknown>,
      },
      // Errors are bounded like everything else.
      serializers: { err: (fields) => fields },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((arg) => (typeof arg === 'string' ? cut(arg) : arg)) as typeof args);
        },
        // A line of JSON: within its texts an escape means the same character.
        streamWrite: (line) => `${line.slice(0, -1).toWellFormed().replace(UNSAFE, escaped)}\n`,
      },
    },
    to,
  );
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function cut(text: string, max = MAX_TEXT): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}… (${text.length} characters)`;
}

/** The same, without secrets, and no larger than a line may be. */
function bounded(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value, depth);
  if (value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, MAX_FIELDS).map((item) => bounded(item, depth + 1));
  const fields = Object.entries(value).filter(([name]) => !SECRET.test(name));
  return Object.fromEntries(
    fields.slice(0, MAX_FIELDS).map(([name, inner]) => [cut(name), bounded(inner, depth + 1)]),
  );
}

function errorFields({ name, message, stack, cause }: Error, depth: number): object {
  return {
    type: cut(name),
    message: cut(message),
    stack: cut(stack ?? '', MAX_STACK),
    ...(cause !== undefined && depth < MAX_DEPTH && { cause: bounded(cause, depth + 1) }),
  };
}
