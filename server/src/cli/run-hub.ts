/**
 * What `ringhub serve` does: settings, a hub, what to do with it, and its end.
 */
import { startFeeder } from '@ringhub/demo/feeder';
import { startOrderWorkers } from '@ringhub/demo/order-workers';
import { readAuth } from '../auth/configured-auth.ts';
import type { TokenGrant } from '../auth/token-auth.ts';
import { TransportUnavailable } from '../carrier.ts';
import type { PermissionRule } from '../core/permission-rules.ts';
import { Exposed } from '../http/exposure.ts';
import { ListenError } from '../http/http-server.ts';
import { TlsUnusable } from '../http/tls-files.ts';
import { nodeClock } from '../node-clock.ts';
import { createLog, type Logger } from '../ops/log.ts';
import { DataUnavailable, type RunningHub, startHub } from '../start-hub.ts';
import { EXIT_DAMAGED, EXIT_FAILED, EXIT_STORE, EXIT_USAGE } from './exit-codes.ts';
import { fail } from './fail.ts';
import { greeting } from './greeting.ts';
import { NO_SECRET } from './no-secret.ts';
import { Reload } from './reload.ts';
import { readSettings, type ServeFlags, settings } from './settings.ts';

/** How long after a failure of the store clients are still told what was refused. */
const REFUSALS_MS = 1_000;

export async function serve(flags: ServeFlags): Promise<void> {
  const { config, warnings } = settings(flags);
  const log = createLog(config.log.level);
  const {
    tokens,
    issuers,
    anonymous,
    lockout,
    faults,
    warnings: authWarnings,
  } = readAuth(config.auth, Object.keys(config.roles), nodeClock, (trouble) => log.warn(trouble));
  const isOpenTo = tokens.length > 0 || issuers.length > 0 || anonymous !== undefined;
  if (faults.length > 0) fail(EXIT_USAGE, ...faults);
  if (config.dev && isOpenTo) fail(EXIT_USAGE, 'auth and --dev exclude each other: leave one out');
  if (!config.dev && !isOpenTo) fail(EXIT_USAGE, NO_SECRET);
  for (const warning of [...warnings, ...authWarnings]) log.warn(warning);

  const devToken = process.env.RINGHUB_TOKEN;
  if (config.dev && devToken && !/^[\x21-\x7e]+$/.test(devToken)) {
    fail(EXIT_USAGE, 'RINGHUB_TOKEN must be of printable ASCII characters without spaces: choose another');
  }
  const hub = await startHub({
    host: config.host,
    port: config.port,
    transport: config.transport,
    tokens,
    issuers,
    anonymous,
    lockout: lockout ?? 'none',
    origins: config.http.origins,
    proxy: config.proxy,
    ...(config.tls && { tls: config.tls }),
    allowPlaintext: config.http.allowPlaintext,
    maxBodyBytes: config.http.maxBodyBytes,
    publicMetrics: config.http.publicMetrics ?? config.dev,
    limits: withoutUndefined(config.limits),
    roleLimits: new Map(
      Object.entries(config.roles).map(([name, { limits = {} }]) => [name, withoutUndefined(limits)]),
    ),
    rolePermissions: new Map(
      Object.entries(config.roles).flatMap(([name, { permissions }]) =>
        permissions ? [[name, permissions as readonly PermissionRule[]] as const] : [],
      ),
    ),
    volatileLog: config.volatileLog,
    durableLog: config.durableLog,
    flushDeadlineMs: config.store.flushDeadlineMs,
    onStoreFailure: (why) => endOnFailure(why, log),
    ...(config.data !== 'none' && { data: config.data }),
    drainWindowMs: config.shutdown.drainWindowMs,
    drainGraceMs: config.shutdown.drainGraceMs,
    processMetrics: true,
    log,
    ...(devToken ? { token: devToken } : {}),
  }).catch((error: unknown) => {
    if (error instanceof DataUnavailable)
      return fail(error.isDamaged ? EXIT_DAMAGED : EXIT_FAILED, error.message);
    if (error instanceof Exposed || error instanceof TlsUnusable) return fail(EXIT_USAGE, error.message);
    if (error instanceof ListenError || error instanceof TransportUnavailable)
      return fail(EXIT_FAILED, error.message);
    throw error;
  });
  const demo = new AbortController();
  endOnSignals(hub, demo, config.shutdown.deadlineMs, log);
  // For a dev hub the signal keeps its usual meaning: the terminal is gone.
  if (!config.dev) {
    const reload = new Reload(config, () => readSettings(flags), hub, log);
    process.on('SIGHUP', () => {
      hub.renewTls();
      reload.run();
    });
  }
  process.stdout.write(greeting(hub));
  if (config.demo ?? config.dev) feed(hub, tokens, demo.signal, log);
  // Whoever may publish may kill these workers: for the machine of a developer only.
  if (config.dev && config.demo !== false)
    startOrderWorkers({ url: hub.url, token: hub.token, signal: demo.signal, log: wordsIn(log) });
}

const wordsIn = (log: Logger) => ({
  info: (text: string) => log.info(text),
  warn: (text: string) => log.warn(text),
});

/** The demo's feeder is a client like any other; the hub goes on without it. */
function feed(hub: RunningHub, grants: readonly TokenGrant[], signal: AbortSignal, log: Logger): void {
  const token =
    hub.token || grants.find((grant) => grant.role === 'server' && grant.token !== undefined)?.token;
  if (token === undefined) {
    log.warn(
      'the demo feeder needs a token with the role server in auth.tokens, not its hash: none is configured',
    );
    return;
  }
  startFeeder({ url: hub.url, token, signal, log: wordsIn(log), stats: () => hub.stats() }).catch(
    (error: unknown) => log.error({ err: error }, 'the demo feeder did not start'),
  );
}

/**
 * The store has failed: what waits for it is being refused, nothing more will be confirmed, and only a restart can tell
 * what is on the disk.
 */
function endOnFailure(why: string, log: Logger): void {
  const text = `the store has failed (${why}): the hub ends; see to the disk, then start it again`;
  log.fatal({ why }, text);
  setTimeout(() => {
    process.stderr.write(`ringhub: ${text}\n`);
    // An orderly exit would wait for the thread that waits for the disk.
    if (why.startsWith('deadline')) process.kill(process.pid, 'SIGKILL');
    process.exit(EXIT_STORE);
  }, REFUSALS_MS);
}

/** The first signal asks for an orderly end, by a deadline; the second one ends at once. */
function endOnSignals(hub: RunningHub, demo: AbortController, deadlineMs: number, log: Logger): void {
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    if (asked) process.exit(EXIT_FAILED);
    asked = true;
    log.info({ signal, deadlineMs }, 'shutting down; a second signal ends at once');
    demo.abort();
    setTimeout(() => {
      log.error({ deadlineMs }, 'the shutdown took too long');
      process.exit(EXIT_FAILED);
    }, deadlineMs).unref();
    hub.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the shutdown failed');
        process.exit(EXIT_FAILED);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const withoutUndefined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
