/**
 * Carries the HTTP app on uWebSockets.js, beside the WebSockets of its transport.
 *
 * uWS parses heads by itself: a broken one is cut off without an answer, and while a request is being answered
 * the next one on its connection ends that connection (no pipelining). What passes is made a Request here,
 * or answered 400 where it can be none.
 */

import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { createServer } from 'node:net';
import { headBytes, type Peer } from '../ports/caller.ts';
import {
  DEFAULT_REQUEST_LIMITS,
  type HttpServer,
  headTooLarge,
  ListenError,
  listenProblem,
  type Renewal,
  type RequestHandler,
  type RequestLimits,
} from './http-server.ts';
import { secured } from './security-headers.ts';
import { OutgoingAnswer } from './uws-answer.ts';
import { IncomingBody } from './uws-body.ts';

/** Its types do not know that it can be closed. */
export type UwsApp = TemplatedApp & { close(): void };

/** What of the library is needed besides. */
export interface UwsListening {
  _cfg(option: 'silent'): void;
  us_listen_socket_close(socket: us_listen_socket): void;
  us_socket_local_port(socket: us_listen_socket): number;
}

/** Not shared with another process, which is what uWS does by itself. */
const EXCLUSIVE_PORT = 1;
/** Without what would let a host reach into the rest of a URL. */
const HOST = /^[^\s/?#@\\]+$/;

export class UwsHttpServer implements HttpServer {
  readonly #app: UwsApp;
  readonly #library: UwsListening;
  readonly #limits: RequestLimits;
  readonly #isSecure: boolean;
  readonly #answers = new Set<OutgoingAnswer>();
  #listening: us_listen_socket | undefined;
  #isClosing = false;
  #whenIdle: (() => void) | undefined;

  /** @param isSecure whether the app speaks TLS */
  constructor(
    app: UwsApp,
    library: UwsListening,
    isSecure = false,
    limits: RequestLimits = DEFAULT_REQUEST_LIMITS,
  ) {
    this.#app = app;
    this.#isSecure = isSecure;
    this.#library = library;
    this.#limits = limits;
    // No header that names the server.
    library._cfg('silent');
  }

  serve(handler: RequestHandler): void {
    this.#app.any('/*', (response, request) => this.#take(response, request, handler));
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const listened = (socket: us_listen_socket | false) => {
        if (socket) {
          this.#listening = socket;
          resolve(this.#library.us_socket_local_port(socket));
        } else {
          whyNot(host, port).then((error) => reject(new ListenError(listenProblem(error, host, port))));
        }
      };
      // The types do not know that options may also follow a host.
      const listen = this.#app.listen as (...args: unknown[]) => void;
      listen.call(this.#app, host, port, EXCLUSIVE_PORT, listened);
    });
  }

  /** uWS reads its files once: it keeps the certificate it began with. */
  renew(): Renewal {
    return { kind: 'restart-needed', why: 'uWebSockets.js cannot change the certificate while it runs' };
  }

  async close(graceMs: number): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#listening) this.#library.us_listen_socket_close(this.#listening);
    if (this.#answers.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.#whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#app.close();
  }

  #take(response: HttpResponse, request: HttpRequest, handler: RequestHandler): void {
    const abort = new AbortController();
    const body = new IncomingBody(response, this.#limits.requestTimeoutMs);
    const answer = new OutgoingAnswer(response, () => !body.isComplete || this.#isClosing);
    this.#answers.add(answer);
    const peer = {
      address: Buffer.from(response.getRemoteAddressAsText()).toString(),
      isSecure: this.#isSecure,
    };
    const isHead = request.getMethod() === 'head';
    const fields = fieldsOf(request);
    const asked = requestOf(request, fields, body, abort.signal, this.#isSecure);
    response.onAborted(() => {
      const gone = new Error('the peer is gone');
      answer.abort();
      body.abort(gone);
      abort.abort(gone);
    });
    const refused = tooLarge(fields, this.#limits) ?? (asked ? undefined : badRequest());
    const given =
      refused || !asked ? Promise.resolve(refused ?? badRequest()) : answered(handler, asked, peer);
    given
      .then((given) => {
        // What nobody reads must not hold up the connection.
        body.release();
        return answer.write(given, isHead);
      })
      .finally(() => {
        this.#answers.delete(answer);
        if (this.#answers.size === 0) this.#whenIdle?.();
      });
  }
}

async function answered(handler: RequestHandler, request: Request, peer: Peer): Promise<Response> {
  try {
    return await handler.fetch(request, peer);
  } catch {
    return secured(new Response(null, { status: 500 }));
  }
}

const badRequest = (): Response =>
  secured(new Response('this is no request that can be answered\n', { status: 400 }));

function fieldsOf(request: HttpRequest): [string, string][] {
  const fields: [string, string][] = [];
  request.forEach((name, value) => {
    fields.push([name, value]);
  });
  return fields;
}

/** Builds of uWS have limits of their own, above or below those asked for. */
function tooLarge(fields: readonly [string, string][], limits: RequestLimits): Response | undefined {
  let bytes = 0;
  for (const field of fields) bytes += headBytes(field);
  if (bytes <= limits.maxHeaderBytes && fields.length <= limits.maxHeaders) return undefined;
  return new Response(headTooLarge(limits), { status: 431 });
}

/** `undefined` where it is nothing that the web platform calls a request. */
function requestOf(
  request: HttpRequest,
  fields: [string, string][],
  body: IncomingBody,
  signal: AbortSignal,
  isSecure: boolean,
): Request | undefined {
  const method = request.getMethod().toUpperCase();
  const path = request.getUrl();
  const query = request.getQuery() as string | undefined;
  try {
    const headers = new Headers(fields);
    const host = headers.get('host') ?? '';
    // Two lengths, which are joined by a comma, or one that is no number: where does the body end?
    if (!HOST.test(host) || !/^\d*$/.test(headers.get('content-length') ?? '')) return undefined;
    const url = new URL(
      `${isSecure ? 'https' : 'http'}://${host}${path}${query === undefined ? '' : `?${query}`}`,
    );
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const init: RequestInit & { duplex: 'half' } = { method, headers, signal, duplex: 'half' };
    return new Request(url, hasBody ? { ...init, body: body.stream } : init);
  } catch {
    return undefined;
  }
}

/** uWS does not say why it cannot listen; node does. */
function whyNot(host: string, port: number): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () =>
      server.close(() => resolve(new Error('uWebSockets.js does not say why'))),
    );
  });
}
