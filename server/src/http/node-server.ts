/**
 * Carries the HTTP app on node:http or node:https, with bounds on how long and how large a request's head may be.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { type Doorkeeper, headBytes } from '../ports/caller.ts';
import {
  DEFAULT_REQUEST_LIMITS,
  type HttpServer,
  headTooLarge,
  ListenError,
  listenProblem,
  type Renewal,
  type RequestHandler,
  type RequestLimits,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from './http-server.ts';
import type { TlsCredentials } from './tls-files.ts';

/** How often Node looks for requests that take too long; half a minute by itself. */
const DEADLINE_CHECK_MS = 1_000;

export class NodeHttpServer implements HttpServer {
  /** Where a transport finds the upgrades. */
  readonly server: Server | TlsServer;
  readonly #tlsServer: TlsServer | undefined;

  /**
   * @param tls with them it speaks TLS
   * @param doorkeeper by default connections of all peers are taken
   */
  constructor(
    tls?: TlsCredentials,
    private readonly limits: RequestLimits = DEFAULT_REQUEST_LIMITS,
    doorkeeper?: Doorkeeper,
  ) {
    const { maxHeaderBytes, maxHeaders, handshakeTimeoutMs, requestTimeoutMs } = limits;
    const options = {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Math.min(handshakeTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(DEADLINE_CHECK_MS, handshakeTimeoutMs),
      noDelay: true,
    };
    if (tls) {
      const handshake = { handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS };
      this.#tlsServer = createTlsServer({ ...options, ...handshake, ...contextOf(tls) });
    }
    this.server = this.#tlsServer ?? createServer(options);
    // Node drops what is above, without a word: one more shows that there were too many.
    this.server.maxHeadersCount = maxHeaders + 1;
    if (doorkeeper) this.server.on('connection', (socket: Socket) => admitOrDestroy(socket, doorkeeper));
  }

  serve(handler: RequestHandler): void {
    const listener = getRequestListener(
      (request, { incoming: { socket } }) =>
        handler.fetch(request, {
          address: socket.remoteAddress ?? '',
          isSecure: (socket as Partial<TLSSocket>).encrypted === true,
        }),
      { overrideGlobalObjects: false },
    );
    const { maxHeaders, maxHeaderBytes } = this.limits;
    this.server.on('request', (incoming, outgoing) => {
      const { rawHeaders } = incoming;
      if (rawHeaders.length / 2 > maxHeaders || headBytes(rawHeaders) > maxHeaderBytes) {
        outgoing.writeHead(431, { Connection: 'close' }).end(headTooLarge(this.limits));
      } else void listener(incoming, outgoing);
    });
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new ListenError(listenProblem(error, host, port))),
      );
      const { maxPendingSockets: backlog } = this.limits;
      const at = { host, port, ...(backlog !== undefined && { backlog }) };
      this.server.listen(at, () => resolve((this.server.address() as AddressInfo).port));
    });
  }

  renew(credentials: TlsCredentials): Renewal {
    this.#tlsServer?.setSecureContext(contextOf(credentials));
    return { kind: 'renewed' };
  }

  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.server.closeAllConnections(), graceMs);
      this.server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.server.closeIdleConnections();
    });
  }
}

/** Before TLS, and before a byte is read. */
function admitOrDestroy(socket: Socket, doorkeeper: Doorkeeper): void {
  const address = socket.remoteAddress ?? '';
  if (!doorkeeper.admit(address)) socket.destroy();
  else socket.once('close', () => doorkeeper.left(address));
}

const contextOf = ({ cert, key, passphrase, minVersion }: TlsCredentials) => ({
  cert,
  key,
  minVersion,
  ...(passphrase !== undefined && { passphrase }),
});
