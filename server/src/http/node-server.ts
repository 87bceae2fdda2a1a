/**
 * Carries the HTTP app on node:http, with bounds on how long and how large a request's head may be.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

/** Anything that answers requests, such as a hono app. */
export interface RequestHandler {
  fetch(request: Request): Response | Promise<Response>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 64;

/** Why the hub cannot listen, in one line that says what to do. */
export class ListenError extends Error {}

export function createHttpServer(): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    noDelay: true,
  });
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

/** Gives requests to `handler`; those of a broken head are answered by node:http itself. */
export function serveRequests(server: Server, handler: RequestHandler): void {
  const listener = getRequestListener((request) => handler.fetch(request), { overrideGlobalObjects: false });
  server.on('request', (incoming, outgoing) => void listener(incoming, outgoing));
}

/** Listens and tells the port, which the system chose if 0 was asked for. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(listenProblem(error, host, port))),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
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

/** Ends what is idle, waits for requests being answered up to `graceMs`, then drops them. */
export function closeHttpServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
