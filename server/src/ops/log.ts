/**
 * The hub's log: one JSON object a line, on stderr.
 *
 * Holds no payloads and no secrets: callers pass names, numbers and reasons, and what is called like a secret is
 * left out wherever it comes from. JSON escapes control characters, so that no peer can forge a line.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const SECRET_FIELDS = ['token', 'resumeToken', 'authorization', 'payload', 'secret'];
const STDERR = 2;

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
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), remove: true },
    },
    to,
  );
}
