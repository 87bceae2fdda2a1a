/**
 * Puts a hub together and starts it: for the command line, for tests, and inside other programs.
 *
 *     clock, ids, store ─► engine ─► hub ─► gateway ─► transport ─┐
 *                                     └───► HTTP app, metrics ────┴─► one listening socket
 */
import { join } from 'node:path';
import { WEBSOCKET_PATH } from '@ringhub/protocol';
import { devAuth, TokenAuth, type TokenGrant } from './auth/token-auth.ts';
import { createCarrier, type TransportName } from './carrier.ts';
import { NODE_LIMITS, type NodeLimits, type RoleLimits, type SessionLimits } from './core/limits.ts';
import type { LogLimits } from './core/volatile-log.ts';
import { EmbeddedEngine } from './engines/embedded.ts';
import { Gateway } from './gateway.ts';
import { createHttpApp } from './http/app.ts';
import { type CallerRules, isLoopbackName, objectionTo } from './http/caller-rules.ts';
import { Hub } from './hub/hub.ts';
import { openData, orDataUnavailable } from './hub-data.ts';
import { nodeClock } from './node-clock.ts';
import { nodeIds } from './node-ids.ts';
import { createLog, type Logger } from './ops/log.ts';
import { Metrics } from './ops/metrics.ts';
import type { HubStats } from './ports/hub-api.ts';
import { VERSION } from './version.ts';

export { DataUnavailable } from './hub-data.ts';

export interface StartHubOptions {
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** 0 to 65535; 0 (the default) lets the system choose. */
  readonly port?: number;
  /** What carries WebSockets and HTTP; by default `auto`: a recent uWebSockets.js if one is installed, else `ws`. */
  readonly transport?: TransportName;
  /** Who may come in. Without any, the hub is a dev hub: loopback only, one token that may do everything. */
  readonly tokens?: readonly TokenGrant[];
  /** Token of a dev hub; a random one by default. */
  readonly token?: string;
  /** Exact origins of pages that may call, besides the hub's own. */
  readonly origins?: readonly string[];
  readonly maxBodyBytes?: number;
  /** By default where the hub is a dev hub. */
  readonly publicMetrics?: boolean;
  readonly limits?: Partial<NodeLimits>;
  /** What a session may take, by role. */
  readonly roleLimits?: RoleLimits;
  /** Overrides what a session of any role may take. */
  readonly sessionLimits?: Partial<SessionLimits>;
  readonly volatileLog?: LogLimits;
  /**
   * Folder for everything durable; made if it is not there, and this hub's alone. Without one the hub keeps nothing, and
   * nothing can be declared durable.
   */
  readonly data?: string;
  readonly durableLog?: LogLimits;
  /** How long the disk may take for what is written, in ms; 5,000 by default. After that the store has failed. */
  readonly flushDeadlineMs?: number;
  /** Told once, when nothing durable can be stored any more: this process should end, and say why. */
  readonly onStoreFailure?: (why: string) => void;
  /** When the hub closes, clients are told to come back at different times within this many ms; 0 by default. */
  readonly drainWindowMs?: number;
  /** How long the hub then waits for what was delivered to be acknowledged, in ms; 0 by default. */
  readonly drainGraceMs?: number;
  /** By default nothing below errors is logged. */
  readonly log?: Logger;
  /** Metrics of the process besides those of the hub; off by default. */
  readonly processMetrics?: boolean;
}

export interface RunningHub {
  /** Where clients connect: `ws://host:port/v1/ws`. */
  readonly url: string;
  /** Where HTTP is: `http://host:port`. */
  readonly httpUrl: string;
  readonly port: number;
  /** The token of a dev hub, else empty. */
  readonly token: string;
  stats(): HubStats;
  /** Sends clients away, flushes, and frees everything; the same promise however often it is called. */
  close(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
/** How long requests being answered may hold up a shutdown. */
const HTTP_GRACE_MS = 2_000;

/** Pages and SDK as built, beside this package; as far from `src` as from `dist`. */
const PAGES_FOLDER = join(import.meta.dirname, '../../demo/dist');
const SDK_FOLDER = join(import.meta.dirname, '../../client-sdk/dist');

/**
 * Starts a hub. Rejects with a `ListenError` where it cannot listen, with `TransportUnavailable` where the transport
 * asked for does not load, with `DataUnavailable` where the data folder cannot be used, and where a dev hub would not
 * be on loopback.
 */
export async function startHub(options: StartHubOptions = {}): Promise<RunningHub> {
  const { host = DEFAULT_HOST, port = 0, tokens = [], drainWindowMs = 0, drainGraceMs = 0 } = options;
  const dev = tokens.length === 0;
  if (dev && !isLoopbackName(host)) throw new Error(`a dev hub listens on loopback only, not on ${host}`);
  const token = dev ? (options.token ?? nodeIds.token()) : '';
  const log = options.log ?? createLog('error');
  const limits: NodeLimits = { ...NODE_LIMITS, ...options.limits };
  const callers: CallerRules = { origins: options.origins ?? [], loopbackOnly: dev };

  const clock = nodeClock;
  const ids = nodeIds;
  const { transport, server, why } = createCarrier(options.transport ?? 'auto', {
    objection: (caller) => objectionTo(caller, callers),
    maxSilenceMs: Math.max(limits.helloTimeoutMs, limits.deadMs),
  });
  const auth = dev ? devAuth(token) : new TokenAuth('tokens', tokens);
  const onFault = (fault: string, error?: unknown) => log.error({ err: error }, fault);
  const durable = await openData(options);
  const engine = await orDataUnavailable(
    () =>
      new EmbeddedEngine({
        clock,
        epoch: ids.id(),
        limits: options.volatileLog,
        onFault,
        durable,
      }),
    () => durable?.store.close(),
  );
  const hub = await orDataUnavailable(
    () =>
      new Hub({
        engine,
        clock,
        ids,
        limits,
        onFault,
        ...(options.onStoreFailure && { onStoreFailure: options.onStoreFailure }),
        ...(options.roleLimits && { roleLimits: options.roleLimits }),
        ...(options.sessionLimits && { sessionLimits: options.sessionLimits }),
      }),
    () => engine.close(),
  );
  const gateway = new Gateway({ hub, auth, clock, limits, onFault });

  const metrics = new Metrics({ hub, version: VERSION, ofProcess: options.processMetrics ?? false });
  const app = createHttpApp({
    hub,
    auth,
    callers,
    metrics,
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    publicMetrics: options.publicMetrics ?? dev,
    onFault: (error) => onFault('a request failed', error),
    pagesFolder: PAGES_FOLDER,
    sdkFolder: SDK_FOLDER,
    ...(dev && { devToken: token }),
  });
  server.serve(app);
  transport.start((socket) => gateway.accept(socket), limits);
  const release = async () => {
    await transport.close();
    gateway.close();
    hub.close();
    await engine.close();
  };
  const chosen = await server.listen(host, port).catch(async (error: unknown) => {
    await release();
    await server.close(0);
    throw error;
  });
  const data = options.data ?? 'none';
  log.info({ host, port: chosen, transport: transport.name, why, auth: auth.name, data }, 'listening');

  let closing: Promise<void> | undefined;
  const shutDown = async () => {
    transport.stopAccepting();
    // From here on the hub says that it is not ready.
    await new Promise<void>((done) => gateway.drain(drainWindowMs, drainGraceMs, done));
    await release();
    await server.close(HTTP_GRACE_MS);
    log.info('closed');
  };
  const at = `${host.includes(':') ? `[${host}]` : host}:${chosen}`;
  return {
    url: `ws://${at}${WEBSOCKET_PATH}`,
    httpUrl: `http://${at}`,
    port: chosen,
    token,
    stats: () => hub.stats(),
    close: () => {
      closing ??= shutDown();
      return closing;
    },
  };
}
