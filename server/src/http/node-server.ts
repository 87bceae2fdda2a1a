/**
 * Carries the HTTP app on node:http or node:https, with bounds on how long and how large a request's head may be.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import {
  type HttpServer,
  ListenError,
  listenProblem,
  REQUEST_TIMEOUT_MS,
  type Renewal,
  type RequestHandler,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from './http-server.ts';
import type { TlsCredentials } from './tls-files.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 64;

export class NodeHttpServer implements HttpServer {
  /** Where a transport finds the upgrades. */
  readonly server: Server | TlsServer;
  readonly #tlsServer: TlsServer | undefined;

  /** @param tls with them it speaks TLS */
  constructor(tls?: TlsCredentials) {
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    };
    if (tls) {
      const handshake = { handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS };
      this.#tlsServer = createTlsServer({ ...options, ...handshake, ...contextOf(tls) });
    }
    this.server = this.#tlsServer ?? createServer(options);
    this.server.maxHeadersCount = MAX_HEADERS;
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
    this.server.on('request', (incoming, outgoing) => void listener(incoming, outgoing));
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new ListenError(listenProblem(error, host, port))),
      );
      this.server.listen(port, host, () => resolve((this.server.address() as AddressInfo).port));
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

const contextOf = ({ cert, key, passphrase, minVersion }: TlsCredentials) => ({
  cert,
  key,
  minVersion,
  ...(passphrase !== undefined && { passphrase }),
});
