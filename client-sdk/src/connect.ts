/**
 * `connect`: reads the options, finds the platform's parts, and waits for the first welcome.
 */
import { WEBSOCKET_PATH } from '@ringhub/protocol';
import { onAbort } from './abort.ts';
import type { ClientCodec } from './codec.ts';
import { jsonCodec } from './codec-json.ts';
import { type Environment, platformEnvironment, type WebSocketConstructor } from './environment.ts';
import { Hub } from './hub.ts';
import type { TokenSource } from './link.ts';

export interface ConnectOptions {
  /** Says who this is; whatever the hub's auth wants. */
  readonly token?: string | undefined;
  /** Asked for a token before each connection; instead of `token`. Failing, it is asked again later. */
  readonly getToken?: TokenSource | undefined;
  /** What this client calls itself, as `hub.events` shows it; at most 128 characters. */
  readonly client?: string | undefined;
  /** Ends the attempt to connect, and later the connection: it stays in force for as long as the client lives. */
  readonly signal?: AbortSignal | undefined;
  /** How frames are written: `new BinaryCodec()`, one for each client, or `jsonCodec`, which the core has where none is given. */
  readonly codec?: ClientCodec | undefined;
  /** Instead of the platform's. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Reconnects wait a random time below a bound that doubles from `minMs` (500) to `maxMs` (30 000). */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined;
  /** Unconfirmed publishes, at most: `messages` (1000) and `bytes` (8 MiB). Beyond: `outbox-full`. */
  readonly outbox?: { readonly messages?: number; readonly bytes?: number } | undefined;
  /** Acks are sent after so long, 100 ms, or once a quarter of the prefetch (64 at most) waits. */
  readonly ackDelayMs?: number | undefined;
  /** Replaces parts of the SDK's surroundings, for tests and simulations. */
  readonly environment?: Partial<Environment> | undefined;
}

/**
 * Connects to a hub, and stays connected until `close`: reconnects with full jitter, at once when the page wakes
 * up, and resumes its session. Resolves with the first welcome. Rejects only where trying again is no use
 * (`unauthorized`, `unsupported-version`, …; PROTOCOL §14) or when aborted.
 *
 * ```ts
 * import { connect } from '@ringhub/client/core';
 * const stop = new AbortController();
 * const hub = await connect(url, { getToken: async () => token, signal: stop.signal });
 * hub.addEventListener('state', ({ state }) => console.log(state));
 * await hub.close();
 * ```
 *
 * @param url `ws:`, `wss:`, `http:` or `https:`; in pages also relative. Without a path: `/v1/ws`.
 */
export async function connect<Messages extends object = Record<string, unknown>>(
  url: string | URL,
  options: ConnectOptions = {},
  /** @internal */
  loadWebSocket?: () => Promise<WebSocketConstructor | undefined>,
): Promise<Hub<Messages>> {
  const { token, getToken, client = 'ringhub-js', signal, backoff, outbox, ackDelayMs = 100 } = options;
  const env = { ...platformEnvironment(), ...options.environment };
  const WebSocket = options.WebSocket ?? env.WebSocket ?? (await loadWebSocket?.());
  if (!WebSocket) throw new Error('no WebSocket');
  const hub = new Hub<Messages>(env, {
    url: webSocketUrl(url, env.baseUrl),
    WebSocket,
    codec: options.codec ?? jsonCodec,
    getToken: getToken ?? (() => token),
    canRefresh: !!getToken,
    minMs: 500,
    maxMs: 30_000,
    ...backoff,
    outbox: { messages: 1_000, bytes: 8 << 20, ...outbox },
    ackDelayMs,
    client,
  });
  return new Promise((resolve, reject) => {
    const letGo = onAbort(signal, () => {
      reject(signal?.reason);
      void hub.close();
    });
    hub.addEventListener('state', ({ state, error }) => {
      if (state === 'online') resolve(hub);
      if (state !== 'closed') return;
      letGo();
      reject(error);
    });
    hub.session.start();
  });
}

/** The WebSocket's URL: `http` becomes `ws`, no path becomes the hub's. */
function webSocketUrl(url: string | URL, baseUrl: string | undefined): string {
  const full = new URL(url, baseUrl);
  full.protocol = full.protocol.replace('http', 'ws');
  if (full.pathname === '/') full.pathname = WEBSOCKET_PATH;
  return full.href;
}
