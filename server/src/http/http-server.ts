/**
 * What carries the HTTP app (test/contract/http-server-suite.ts): one listening socket, with the WebSockets of a
 * transport beside it.
 *
 * Requests and responses are those of the web platform. A body is read as fast as the handler reads it, a
 * response written as fast as the peer takes it; where the peer is gone, the request's signal is aborted and
 * the response's stream cancelled.
 */
import type { Peer } from '../ports/caller.ts';
import type { TlsCredentials } from './tls-files.ts';

/** Anything that answers requests, such as a hono app. */
export interface RequestHandler {
  fetch(request: Request, peer: Peer): Response | Promise<Response>;
}

export interface HttpServer {
  /** Gives requests to `handler`; broken ones are answered, or cut off, by the server itself. */
  serve(handler: RequestHandler): void;
  /** Listens and tells the port, which the system chose if 0 was asked for. Rejects with a {@link ListenError}. */
  listen(host: string, port: number): Promise<number>;
  /** Speaks TLS with other credentials from the next connection on; says so, or why it cannot. */
  renew(credentials: TlsCredentials): Renewal;
  /** Ends what is idle, waits for requests being answered up to `graceMs`, then drops them. */
  close(graceMs: number): Promise<void>;
}

export type Renewal =
  | { readonly kind: 'renewed' }
  | { readonly kind: 'restart-needed'; readonly why: string };

/** Why the hub cannot listen, in one line that says what to do. */
export class ListenError extends Error {}

/** How long a TLS handshake may take, in ms. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

/** Bounds of a request, as far as it is a server's affair. */
export interface RequestLimits {
  /** A request whose fields take more, each with its colon, space and line end, is answered 431. */
  readonly maxHeaderBytes: number;
  /** A request with more fields is answered 431. */
  readonly maxHeaders: number;
  /** How long a head may take from the connection's begin, in ms. */
  readonly handshakeTimeoutMs: number;
  /** How long a request may take to arrive with its body, in ms. */
  readonly requestTimeoutMs: number;
  /** TCP connections that may wait to be taken; by default as many as the server's library has. */
  readonly maxPendingSockets?: number;
}

export const DEFAULT_REQUEST_LIMITS: RequestLimits = {
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 64,
  handshakeTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
};

export const headTooLarge = ({ maxHeaders, maxHeaderBytes }: RequestLimits): string =>
  `at most ${maxHeaders} header fields of ${maxHeaderBytes} bytes are taken\n`;

export function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use: stop what uses it, or choose another with --port (0 picks a free one)`;
    case 'EACCES':
      return `port ${port} needs rights this user does not have: choose one above 1023 with --port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine: choose another with --host`;
    default:
      return `cannot listen on ${host}:${port}: ${message}`;
  }
}
