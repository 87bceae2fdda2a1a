/**
 * The HTTP side of the hub as one app: publish, health, metrics, statistics, pages.
 *
 * A function of requests only: nothing here knows which server carries it. Every `/v1` path asks who calls
 * (host, origin, token); pages carry a strict content policy; no answer says more than its caller may know.
 */
import { SUBPROTOCOL_JSON, WEBSOCKET_PATH } from '@ringhub/protocol';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Action, Auth, Principal } from '../ports/auth.ts';
import type { HubApi } from '../ports/hub-api.ts';
import { failed, json, notThere } from './answers.ts';
import { type CallerRules, isOwnOrigin, objectionTo } from './caller-rules.ts';
import { admitted, bearerToken, isOwnPage, urlTokenFault } from './caller-token.ts';
import {
  EVENTS_PATH,
  giveDevCookie,
  giveEventsCookie,
  takeEventsCookie,
  tokenOfCookie,
} from './events-cookie.ts';
import { events } from './events-route.ts';
import { history } from './history-route.ts';
import { INDEX_STYLE_HASH, indexPage } from './index-page.ts';
import { OPENAPI } from './openapi.ts';
import { publishRoute } from './publish-route.ts';
import { declareQueue, deleteQueue, inspectQueue, listQueues, purgeQueue } from './queue-routes.ts';
import { pagesIn, staticFile } from './static-files.ts';
import { bind, declareExchange, deleteExchange, type Route, topology, unbind } from './topology-routes.ts';

export interface HttpAppOptions {
  readonly hub: HubApi;
  readonly auth: Auth;
  readonly callers: CallerRules;
  /** Largest request body. */
  readonly maxBodyBytes: number;
  /** The token that pages of a dev hub may fetch; `undefined` for any other hub. */
  readonly devToken?: string;
  /** Metrics in Prometheus' text form. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Whether `/metrics` answers without a token. */
  readonly publicMetrics: boolean;
  /** Folder of the built demo pages and file of the built SDK, where there are any. */
  readonly pagesFolder?: string;
  readonly sdkFolder?: string;
  /** Told of a fault of ours, which the caller sees as `internal` only. */
  readonly onFault?: (fault: unknown) => void;
}

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${INDEX_STYLE_HASH}`,
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ['Content-Security-Policy', PAGE_POLICY],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
];

const CORS_MAX_AGE_S = 600;

export function createHttpApp(options: HttpAppOptions): Hono {
  const { hub, callers } = options;
  const app = new Hono();

  app.use(async (c, next) => {
    const isApi = c.req.path.startsWith('/v1/');
    const caller = { origin: isApi ? c.req.header('Origin') : undefined, host: c.req.header('Host') };
    const objection = objectionTo(caller, callers);
    if (objection) return secured(failed({ error: 'forbidden', detail: { reason: objection } }));
    const fault = urlTokenFault(c.req.url);
    if (fault) return secured(fault);
    await next();
    c.res = secured(c.res);
    if (caller.origin !== undefined && !isOwnOrigin(caller.origin, caller.host)) {
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

  const publish = publishRoute(hub);
  const bounded = bodyLimit({
    maxSize: options.maxBodyBytes,
    onError: () => failed({ error: 'payload-too-large', detail: { maxBodyBytes: options.maxBodyBytes } }),
  });
  app.post('/v1/publish', async (c, next) => {
    const principal = await callerOf(c, options.auth);
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
      const principal = await callerOf(c, options.auth);
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
  app.get(EVENTS_PATH, async (c) => {
    const principal = await admitted(options.auth, bearerToken(c) ?? tokenOfCookie(c));
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
    guarded('admin', options, () => json(hub.stats())),
  );
  app.get('/v1/dev/token', (c) =>
    options.devToken !== undefined && isOwnPage(c) ? json({ token: options.devToken }) : c.notFound(),
  );
  app.get(WEBSOCKET_PATH, () =>
    notThere(426, 'upgrade-required', `a WebSocket is here: ask for the subprotocol ${SUBPROTOCOL_JSON}`),
  );

  const metrics = async () =>
    new Response(await options.metrics.text(), { headers: { 'Content-Type': options.metrics.contentType } });
  app.get('/metrics', options.publicMetrics ? metrics : guarded('admin', options, metrics));

  app.get('/livez', () => json({ status: 'alive' }));
  const ready = (c: Context) => {
    const { ready: isReady, reasons } = hub.health();
    const verbose = c.req.query('verbose') !== undefined;
    return json(
      { status: isReady ? 'ready' : 'not ready', ...(verbose && { reasons }) },
      isReady ? 200 : 503,
    );
  };
  app.get('/readyz', ready);
  app.get('/healthz', ready);

  mountPages(app, options);
  app.notFound(() => notThere(404, 'not-found', 'nothing is here: see / for what there is'));
  app.onError((fault) => {
    options.onFault?.(fault);
    return failed({ error: 'internal' });
  });
  return app;
}

function mountPages(app: Hono, { pagesFolder, sdkFolder, devToken }: HttpAppOptions): void {
  app.get('/', async (c) => {
    const pages = pagesFolder === undefined ? [] : await pagesIn(pagesFolder);
    return c.html(indexPage({ dev: devToken !== undefined, host: new URL(c.req.url).host, pages }));
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
  { auth, devToken }: HttpAppOptions,
  handle: () => Response | Promise<Response>,
): (c: Context) => Promise<Response> {
  return async (c) => {
    if (devToken !== undefined && isOwnPage(c) && c.req.header('Authorization') === undefined)
      return handle();
    const principal = await callerOf(c, auth);
    if (principal instanceof Response) return principal;
    return principal.may(action, '', '') ? handle() : failed({ error: 'forbidden' });
  };
}

const callerOf = (c: Context, auth: Auth): Promise<Principal | Response> => admitted(auth, bearerToken(c));

function secured(response: Response): Response {
  for (const [name, value] of SECURITY_HEADERS) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}
