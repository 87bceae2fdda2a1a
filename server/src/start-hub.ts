/**
 * Puts a hub together and starts it: for the command line, for tests, and inside other programs.
 *
 *     clock, ids, store ─► engine ─► hub ─► gateway ─► transport ─┐
 *                                     └───► HTTP app, metrics ────┴─► one listening socket
 */
import { join } from 'node:path';
import { WEBSOCKET_PATH } from '@ringhub/protocol';
import { CombinedAuth } from './auth/combined-auth.ts';
import type { Issuer } from './auth/jwt-auth.ts';
import { LOCKOUT, type LockoutSettings } from './auth/lockout.ts';
import { type Identity, Principals } from './auth/principal.ts';
import { RevocableAuth } from './auth/revocable-auth.ts';
import { devGrant, type TokenGrant } from './auth/token-auth.ts';
import { createCarrier, type TransportName } from './carrier.ts';
import {
  DEV_NODE_LIMITS,
  NODE_LIMITS,
  type NodeLimits,
  type RoleLimits,
  type SessionLimits,
} from './core/limits.ts';
import type { PermissionRule } from './core/permission-rules.ts';
import type { LogLimits } from './core/volatile-log.ts';
import { EmbeddedEngine } from './engines/embedded.ts';
import { Gateway } from './gateway.ts';
import { createHttpApp } from './http/app.ts';
import { type CallerRules, objectionTo } from './http/caller-rules.ts';
import { Exposed, exposureFaults, exposureWarnings } from './http/exposure.ts';
import { readTls, type TlsSettings, TlsUnusable } from './http/tls-files.ts';
import { TlsRenewal } from './http/tls-renewal.ts';
import { callersBehind, isProxyIn, type ProxySettings } from './http/trusted-proxies.ts';
import { Hub } from './hub/hub.ts';
import { openData, orDataUnavailable } from './hub-data.ts';
import { nodeClock } from './node-clock.ts';
import { nodeIds } from './node-ids.ts';
import { createLog, type Logger } from './ops/log.ts';
import { Metrics } from './ops/metrics.ts';
import type { HubStats } from './ports/hub-api.ts';
import { RequestRates } from './request-rates.ts';
import { SocketsByAddress } from './sockets-by-address.ts';
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
  /** Issuers of JSON Web Tokens; `readIssuers` makes them. */
  readonly issuers?: readonly Issuer[];
  /** Who somebody without a token is; without it, nobody. */
  readonly anonymous?: Identity | undefined;
  /** Wrong tokens that lock an address out, by default 10 a minute for a minute; `none` for never. */
  readonly lockout?: LockoutSettings | 'none';
  /** Token of a dev hub; a random one by default. */
  readonly token?: string;
  /** Exact origins of pages that may call, besides the hub's own. */
  readonly origins?: readonly string[];
  /** Proxies before this hub whose headers say who calls; by default no header is believed. */
  readonly proxy?: ProxySettings;
  /** With these files the hub speaks TLS, and nothing else. */
  readonly tls?: TlsSettings;
  /** Lets a hub that is no dev hub listen on other addresses than loopback without TLS and without a proxy. */
  readonly allowPlaintext?: boolean;
  readonly maxBodyBytes?: number;
  /** By default where the hub is a dev hub. */
  readonly publicMetrics?: boolean;
  readonly limits?: Partial<NodeLimits>;
  /** What who has a role may do, in place of what is built in (PROTOCOL §21). */
  readonly rolePermissions?: ReadonlyMap<string, readonly PermissionRule[]>;
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
  /** Where clients connect: `ws://host:port/v1/ws`, or `wss:`. */
  readonly url: string;
  /** Where HTTP is: `http://host:port`, or `https:`. */
  readonly httpUrl: string;
  readonly port: number;
  /** The token of a dev hub, else empty. */
  readonly token: string;
  stats(): HubStats;
  /** Looks for renewed TLS files at once; without this call it does so every minute. */
  renewTls(): void;
  /**
   * Changes what a role permits, from now on: sessions that are there, attached or parked, lose at once what is not
   * permitted any more, and what waits for it is purged. Tokens with permissions of their own keep those.
   */
  setPermissions(role: string, rules: readonly PermissionRule[]): void;
  /** Sends clients away, flushes, and frees everything; the same promise however often it is called. */
  close(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
/** How long requests being answered may hold up a shutdown. */
const HTTP_GRACE_MS = 2_000;
const TLS_RENEWAL_MS = 60_000;

/** Pages and SDK as built, beside this package; as far from `src` as from `dist`. */
const PAGES_FOLDER = join(import.meta.dirname, '../../demo/dist');
const SDK_FOLDER = join(import.meta.dirname, '../../client-sdk/dist');

/**
 * Starts a hub. Rejects with a `ListenError` where it cannot listen, with `TransportUnavailable` where the transport
 * asked for does not load, with `DataUnavailable` where the data folder cannot be used, with `TlsUnusable` where the
 * certificate cannot, and with `Exposed` where the hub would not be safe where it is to listen.
 */
export async function startHub(options: StartHubOptions = {}): Promise<RunningHub> {
  const { host = DEFAULT_HOST, port = 0, tokens = [], issuers = [], anonymous } = options;
  const { lockout = LOCKOUT, drainWindowMs = 0, drainGraceMs = 0 } = options;
  const dev = tokens.length === 0 && issuers.length === 0 && !anonymous;
  const publicMetrics = options.publicMetrics ?? dev;
  const exposure = {
    host,
    dev,
    tls: options.tls !== undefined,
    trustedProxies: options.proxy?.trusted ?? [],
    allowPlaintext: options.allowPlaintext ?? false,
    publicMetrics,
  };
  const [exposed] = exposureFaults(exposure);
  if (exposed !== undefined) throw new Exposed(exposed);
  const tls = options.tls && readTls(options.tls, nodeClock.wallMs());
  if (tls?.kind === 'unusable') throw new TlsUnusable(tls.why);
  const token = dev ? (options.token ?? nodeIds.token()) : '';
  const log = options.log ?? createLog('error');
  const limits: NodeLimits = { ...(dev ? DEV_NODE_LIMITS : NODE_LIMITS), ...options.limits };
  const callers: CallerRules = { origins: options.origins ?? [], loopbackOnly: dev };
  const proxy = options.proxy ?? { trusted: [] };
  const readCaller = callersBehind(proxy);

  const clock = nodeClock;
  const ids = nodeIds;
  const { transport, server, why } = createCarrier(options.transport ?? 'auto', {
    objection: (caller) => objectionTo(caller, callers),
    readCaller,
    tls: tls?.credentials,
    maxSilenceMs: Math.max(limits.helloTimeoutMs, limits.deadMs),
    heads: limits,
    doorkeeper: new SocketsByAddress(limits.maxSocketsPerAddress, isProxyIn(proxy)),
  });
  const principals = new Principals(options.rolePermissions);
  const shown = new CombinedAuth({
    name: dev ? 'dev' : nameOf(tokens, issuers, anonymous),
    clock,
    principal: principals.of,
    tokens: dev ? [devGrant(token)] : tokens,
    issuers,
    anonymous,
    lockout: lockout === 'none' ? undefined : lockout,
    onDenied: ({ denied, reason }, address, unsaid) =>
      log.info({ denied, reason, address, ...(unsaid > 0 && { unsaid }) }, 'somebody was not let in'),
  });
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
        // In a dev hub everybody is its one user, who knows what they did.
        onAudit: (audit) => log[dev ? 'debug' : 'info']({ audit }, 'audit'),
        ...(options.onStoreFailure && { onStoreFailure: options.onStoreFailure }),
        ...(options.roleLimits && { roleLimits: options.roleLimits }),
        ...(options.sessionLimits && { sessionLimits: options.sessionLimits }),
      }),
    () => engine.close(),
  );
  const auth = new RevocableAuth(shown, (principal) => hub.control.isRevoked(principal));
  const gateway = new Gateway({ hub, auth, clock, limits, onFault });

  const metrics = new Metrics({ hub, version: VERSION, ofProcess: options.processMetrics ?? false });
  const rates = new RequestRates({ clock, limits, limitsOf: (role) => hub.limitsOf(role) });
  const app = createHttpApp({
    hub,
    auth,
    rates,
    callers,
    readCaller,
    metrics,
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    publicMetrics,
    warnings: exposureWarnings(exposure),
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
    rates.close();
    hub.close();
    await engine.close();
  };
  const chosen = await server.listen(host, port).catch(async (error: unknown) => {
    await release();
    await server.close(0);
    throw error;
  });
  const data = options.data ?? 'none';
  const inForce = { host, port: chosen, transport: transport.name, why, auth: auth.name, data };
  log.info({ ...inForce, tls: tls ? tls.credentials.names : 'none' }, 'listening');
  for (const warning of [...exposureWarnings(exposure), ...(tls?.warnings ?? [])]) log.warn(warning);
  const renewal = tls && new TlsRenewal(server, tls.credentials);
  const renewTls = () => {
    const news = renewal?.look(clock.wallMs());
    if (news?.kind === 'renewed')
      log.info({ expiresAt: new Date(news.expiresAtMs) }, 'the TLS certificate was renewed');
    else if (news?.kind === 'not-renewed')
      log.error({ why: news.why }, 'the TLS certificate was not renewed');
  };
  const renewals = tls && clock.every(TLS_RENEWAL_MS, renewTls);

  let closing: Promise<void> | undefined;
  const shutDown = async () => {
    renewals?.stop();
    transport.stopAccepting();
    // From here on the hub says that it is not ready.
    await new Promise<void>((done) => gateway.drain(drainWindowMs, drainGraceMs, done));
    await release();
    await server.close(HTTP_GRACE_MS);
    log.info('closed');
  };
  const at = `${host.includes(':') ? `[${host}]` : host}:${chosen}`;
  return {
    url: `${tls ? 'wss' : 'ws'}://${at}${WEBSOCKET_PATH}`,
    httpUrl: `${tls ? 'https' : 'http'}://${at}`,
    port: chosen,
    token,
    stats: () => hub.stats(),
    renewTls,
    setPermissions: (role, rules) => {
      principals.set(role, rules);
      hub.control.recheck();
    },
    close: () => {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** Who may come in, in a word or two for the log. */
const nameOf = (tokens: readonly unknown[], issuers: readonly unknown[], anonymous: unknown): string =>
  [tokens.length > 0 && 'tokens', issuers.length > 0 && 'jwt', anonymous && 'anonymous']
    .filter(Boolean)
    .join(', ');
