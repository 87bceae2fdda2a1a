/**
 * The HTTP side of the hub as one app: publish, health, metrics, statistics, pages.
 *
 * A function of requests only: nothing here knows which server carries it. Every `/v1` path asks who calls
 * (host, origin, token); pages carry a strict content policy; no answer says more than its caller may know.
 */
import { SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { type Context, Hono } from 'hono';
import type { Action, Auth, Principal } from '../ports/auth.ts';
import { directCaller, type Peer, type ReadCaller } from '../ports/caller.ts';
import type { HubApi } from '../ports/hub-api.ts';
import type { RequestRates } from '../request-rates.ts';
import { failed, json, notThere } from './answers.ts';
import { boundedBody } from './bounded-body.ts';
import { type CallerRules, isOwnOrigin, objectionTo } from './caller-rules.ts';
import { type AppEnv, admitted, bearerToken, isOwnPage, urlTokenFault } from './caller-token.ts';
import {
  EVENTS_PATH,
  giveDevCookie,
  giveEventsCookie,
  takeEventsCookie,
  tokenOfCookie,
} from './events-cookie.ts';
import { events } from './events-route.ts';
import { history } from './history-route.ts';
import { indexPage } from './index-page.ts';
import { OPENAPI } from './openapi.ts';
import { publishRoute } from './publish-route.ts';
import { declareQueue, deleteQueue, inspectQueue, listQueues, purgeQueue } from './queue-routes.ts';
import { secured } from './security-headers.ts';
import { closeSessions, listSessions } from './session-routes.ts';
import { pagesIn, staticFile } from './static-files.ts';
import { bind, declareExchange, deleteExchange, type Route, topology, unbind } from './topology-routes.ts';

export interface HttpAppOptions {
  readonly hub: HubApi;
  readonly auth: Auth;
  readonly callers: CallerRules;
  /** By default nothing is believed of what proxies tell. */
  readonly readCaller?: ReadCaller;
  /** Largest request body. */
  readonly maxBodyBytes: number;
  /** How many requests somebody may make; without it, as many as there are. */
  readonly rates?: Pick<RequestRates, 'takes' | 'isSpent' | 'spend'>;
  /** The token that pages of a dev hub may fetch; `undefined` for any other hub. */
  readonly devToken?: string;
  /** Metrics in Prometheus' text form. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Whether `/metrics` answers without a token. */
  readonly publicMetrics: boolean;
  /** What makes this hub less safe, for `/readyz?verbose`. */
  readonly warnings?: readonly string[];
  /** Folder of the built demo pages and file of the built SDK, where there are any. */
  readonly pagesFolder?: string;
  readonly sdkFolder?: string;
  /** Told of a fault of ours, which the caller sees as `internal` only. */
  readonly onFault?: (fault: unknown) => void;
}

const CORS_MAX_AGE_S = 600;

type App = Hono<AppEnv>;

export function createHttpApp(options: HttpAppOptions): App {
  const { hub, callers, rates, readCaller = directCaller } = options;
  const app: App = new Hono();
  const callerOf = callersBy(options.auth, rates);

  app.use(async (c, next) => {
    const caller = readCaller(peerOf(c.env), (name) => c.req.header(name));
    c.set('caller', caller);
    // Pages, and what else may be seen by all, are opened from anywhere.
    const isApi = c.req.path.startsWith('/v1/');
    const objection = objectionTo(isApi ? caller : { ...caller, origin: undefined }, callers);
    if (objection) return secured(failed({ error: 'forbidden', detail: { reason: objection } }));
    const { address } = caller;
    const fault = urlTokenFault(c.req.url);
    if (rates?.isSpent(address)) c.res = failed({ error: 'rate-limited' });
    else {
      if (fault) c.res = fault;
      else await next();
      if (!known.has(c)) rates?.spend(address);
    }
    c.res = secured(c.res);
    if (isApi && caller.origin !== undefined && !isOwnOrigin(caller.origin, caller)) {
      c.res.headers.set('Access-Control-Allow-Origin', caller.origin);
      c.res.headers.set('Access-Control-Expose-Headers', 'Retry-After');
      c.res.headers.append('Vary', 'Origin');
    }
    return undefined;
  });

  app.options('/v1/*', (c) => {
    c.header('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
    c.header('Access-Control-Allow-Headers', 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID');
    c.header('Access-Control-Max-Age', String(CORS_MAX_AGE_S));
    return c.body(null, 204);
  });

  const publish = publishRoute(hub, (principal, cost) => rates?.takes(principal, cost) ?? true);
  const { maxBodyBytes } = options;
  const bounded = boundedBody(maxBodyBytes, () =>
    failed({ error: 'payload-too-large', detail: { maxBodyBytes } }),
  );
  app.post('/v1/publish', async (c, next) => {
    const principal = await callerOf(c);
    if (principal instanceof Response) return principal;
    let answer: Response | undefined;
    const refused = await bounded(c, async () => {
      answer = await publish(c, principal);
    });
    return answer ?? refused ?? next();
  });

  const called =
    (route: Route) =>
    async (c: Context): Promise<Response> => {
      const principal = await callerOf(c);
      return principal instanceof Response ? principal : route(hub, c, principal);
    };
  app.get('/v1/history', called(history));
  app.get('/v1/topology', called(topology));
  app.post('/v1/exchanges', bounded, called(declareExchange));
  app.delete('/v1/exchanges/:name', called(deleteExchange));
  app.post('/v1/bindings', bounded, called(bind));
  app.delete('/v1/bindings', bounded, called(unbind));
  app.get('/v1/queues', called(listQueues));
  app.get('/v1/queues/:name', called(inspectQueue));
  app.put('/v1/queues/:name', bounded, called(declareQueue));
  app.delete('/v1/queues/:name', called(deleteQueue));
  app.delete('/v1/queues/:name/messages', called(purgeQueue));
  app.get('/v1/sessions', called(listSessions));
  app.post('/v1/sessions/close', bounded, called(closeSessions));
  app.get(EVENTS_PATH, async (c) => {
    const principal = await callerOf(c, bearerToken(c) ?? tokenOfCookie(c));
    return principal instanceof Response ? principal : events(hub, c, principal);
  });
  app.post('/v1/events-cookie', (c) => giveEventsCookie(c, options.auth, Date.now()));
  app.delete('/v1/events-cookie', takeEventsCookie);
  app.post('/v1/dev/events-cookie', (c) =>
    options.devToken !== undefined && isOwnPage(c) ? giveDevCookie(c, options.devToken) : c.notFound(),
  );
  app.get('/v1/openapi.json', () => json(OPENAPI));

  app.get(
    '/v1/stats',
    guarded('admin', options, callerOf, () => json(hub.stats())),
  );
  app.get('/v1/dev/token', (c) =>
    options.devToken !== undefined && isOwnPage(c) ? json({ token: options.devToken }) : c.notFound(),
  );
  app.get(WEBSOCKET_PATH, () =>
    notThere(426, 'upgrade-required', `a WebSocket is here: ask for the subprotocol ${SUBPROTOCOL_JSON}`),
  );

  const metrics = async () =>
    new Response(await options.metrics.text(), { headers: { 'Content-Type': options.metrics.contentType } });
  app.get('/metrics', options.publicMetrics ? metrics : guarded('admin', options, callerOf, metrics));

  app.get('/livez', () => json({ status: 'alive' }));
  const ready = (c: Context) => {
    const { ready: isReady, reasons } = hub.health();
    const verbose = c.req.query('verbose') !== undefined && { reasons, warnings: options.warnings ?? [] };
    return json({ status: isReady ? 'ready' : 'not ready', ...verbose }, isReady ? 200 : 503);
  };
  app.get('/readyz', ready);
  app.get('/healthz', ready);

  mountPages(app, options);
  app.notFound(() => notThere(404, 'not-found', 'nothing is here: see / for what there is'));
  app.onError((fault, c) => {
    // Of a peer that went away in the middle there is nothing to tell, and nobody to answer.
    if (!c.req.raw.signal.aborted) options.onFault?.(fault);
    return failed({ error: 'internal' });
  });
  return app;
}

function mountPages(app: App, { pagesFolder, sdkFolder, devToken }: HttpAppOptions): void {
  app.get('/', async (c) => {
    const pages = pagesFolder === undefined ? [] : await pagesIn(pagesFolder);
    const { host = '', isSecure = false } = c.get('caller');
    return c.html(indexPage({ dev: devToken !== undefined, host, isSecure, pages }));
  });
  if (pagesFolder !== undefined) {
    app.get('/demo/*', async (c) => {
      const path = c.req.path.slice('/demo/'.length);
      const file = await staticFile(pagesFolder, path);
      if (file) return file;
      return (await staticFile(pagesFolder, `${path}/`)) ? c.redirect(`${c.req.path}/`) : c.notFound();
    });
  }
  if (sdkFolder !== undefined) {
    // Public code, for pages of any origin; the map keeps the name that the bundle calls it by.
    const sdk = async (c: Context, name: string) => {
      const file = await staticFile(sdkFolder, name);
      if (!file) return c.notFound();
      file.headers.set('Access-Control-Allow-Origin', '*');
      file.headers.set('Cross-Origin-Resource-Policy', 'cross-origin');
      return file;
    };
    app.get('/sdk/ringhub.js', (c) => sdk(c, 'ringhub.min.js'));
    app.get('/sdk/ringhub.min.js.map', (c) => sdk(c, 'ringhub.min.js.map'));
  }
}

/** Lets through who may do `action`, and pages of a dev hub. */
function guarded(
  action: Action,
  { devToken }: HttpAppOptions,
  callerOf: ReturnType<typeof callersBy>,
  handle: () => Response | Promise<Response>,
): (c: Context<AppEnv>) => Promise<Response> {
  return async (c) => {
    if (devToken !== undefined && isOwnPage(c) && c.req.header('Authorization') === undefined)
      return handle();
    const principal = await callerOf(c);
    if (principal instanceof Response) return principal;
    return principal.may(action, '', '') ? handle() : failed({ error: 'forbidden' });
  };
}

/** Requests whose caller showed valid credentials: those of others are counted by address. */
const known = new WeakSet<Context>();

/** Finds out who sent a request: a principal, or the answer to whom nothing else is answered. */
function callersBy(auth: Auth, rates: HttpAppOptions['rates']) {
  return async (c: Context<AppEnv>, token = bearerToken(c)): Promise<Principal | Response> => {
    const principal = await admitted(auth, token, c.get('caller').address);
    if (principal instanceof Response) return principal;
    known.add(c);
    return (rates?.takes(principal) ?? true) ? principal : failed({ error: 'rate-limited' });
  };
}

/** Without a server, as in tests of the app alone, nobody is there. */
const peerOf = (peer: Partial<Peer> | undefined): Peer => ({ address: '', isSecure: false, ...peer });
