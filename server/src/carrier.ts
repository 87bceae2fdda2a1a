/**
 * What carries a hub: a transport and the HTTP server that it shares a listening socket with. Which, and why.
 *
 *     auto   a recent uWebSockets.js, if one is installed and loads; else ws on node:http
 *     uws    any uWebSockets.js that loads, recent ones first; else the hub does not start
 *     ws     ws
 */
import { DEFAULT_REQUEST_LIMITS, type HttpServer, type RequestLimits } from './http/http-server.ts';
import { NodeHttpServer } from './http/node-server.ts';
import type { TlsCredentials } from './http/tls-files.ts';
import { type UwsApp, UwsHttpServer } from './http/uws-server.ts';
import type { Doorkeeper, ReadCaller } from './ports/caller.ts';
import type { Transport } from './ports/transport.ts';
import type { Objection } from './transports/handshake.ts';
import { UwsTransport } from './transports/uws.ts';
import {
  installedUws,
  isRecent,
  type LoadedUws,
  loadUws,
  type UwsPackage,
} from './transports/uws-library.ts';
import { WsTransport } from './transports/ws.ts';

export type TransportName = 'auto' | 'ws' | 'uws';

/** Why the transport that was asked for cannot be had, in one line that says what to do. */
export class TransportUnavailable extends Error {}

export interface CarrierOptions {
  readonly objection: Objection;
  /** By default nothing is believed of what proxies tell. */
  readonly readCaller?: ReadCaller;
  /** With them all of it is TLS. */
  readonly tls?: TlsCredentials | undefined;
  /** How long a live client may be silent. */
  readonly maxSilenceMs: number;
  /** Bounds of heads and requests, as far as each server can keep them. */
  readonly heads?: RequestLimits;
  /** Whom it takes TCP connections of: of everybody by default. uWebSockets.js cannot be asked to refuse any. */
  readonly doorkeeper?: Doorkeeper;
}

export interface Carrier {
  readonly transport: Transport;
  readonly server: HttpServer;
  /** Why this one, for the log. */
  readonly why: string;
}

export type CarrierChoice =
  | { readonly name: 'ws'; readonly why: string }
  | { readonly name: 'uws'; readonly why: string; readonly uws: LoadedUws }
  | { readonly name: 'none'; readonly why: string };

/** Throws {@link TransportUnavailable}. */
export function createCarrier(
  asked: TransportName,
  { tls, ...options }: CarrierOptions,
  found: CarrierChoice = chooseCarrier(asked),
): Carrier {
  const choice = withTls(found, asked, tls);
  const { why } = choice;
  const { heads = DEFAULT_REQUEST_LIMITS, doorkeeper, ...rest } = options;
  const head = { maxHeaders: heads.maxHeaders, maxHeaderBytes: heads.maxHeaderBytes };
  switch (choice.name) {
    case 'none':
      throw new TransportUnavailable(why);
    case 'ws': {
      const server = new NodeHttpServer(tls, heads, doorkeeper);
      return { transport: new WsTransport({ server: server.server, head, ...rest }), server, why };
    }
    case 'uws': {
      const { library } = choice.uws;
      const app = (tls ? library.SSLApp(sslOptions(tls)) : library.App()) as UwsApp;
      const isSecure = tls !== undefined;
      return {
        transport: new UwsTransport({ app, isSecure, head, ...rest }),
        server: new UwsHttpServer(app, library, isSecure, heads),
        why,
      };
    }
    default:
      return choice satisfies never;
  }
}

export function chooseCarrier(
  asked: TransportName,
  installed: readonly UwsPackage[] = asked === 'ws' ? [] : installedUws(),
): CarrierChoice {
  if (asked === 'ws') return { name: 'ws', why: 'asked for' };
  const recent = installed.filter(isRecent);
  const others = installed.filter((uws) => !isRecent(uws));
  const faults: string[] = [];
  for (const candidate of asked === 'uws' ? [...recent, ...others] : recent) {
    const finding = loadUws(candidate);
    if (finding.kind === 'unusable') {
      faults.push(finding.why);
      continue;
    }
    const why = `uWebSockets.js ${candidate.version} is ${asked === 'uws' ? 'installed and asked for' : 'installed'}`;
    return { name: 'uws', why, uws: finding.uws };
  }
  if (asked === 'uws') {
    const why = faults.join('; ') || 'uWebSockets.js is not installed (was npm told to omit optional parts?)';
    return { name: 'none', why: `--transport uws: ${why}: ${WHAT_TO_DO}` };
  }
  const [old] = others;
  const why = old && `uWebSockets.js ${old.version} is used only if asked for by --transport uws`;
  return { name: 'ws', why: faults.join('; ') || why || 'no uWebSockets.js is installed' };
}

/** uWS speaks TLS 1.2 and later, and cannot be told otherwise. */
function withTls(
  choice: CarrierChoice,
  asked: TransportName,
  tls: TlsCredentials | undefined,
): CarrierChoice {
  if (choice.name !== 'uws' || tls === undefined || tls.minVersion === 'TLSv1.2') return choice;
  const why = `uWebSockets.js cannot be kept from speaking TLS older than ${tls.minVersion}`;
  return asked === 'uws'
    ? { name: 'none', why: `--transport uws: ${why}: leave tls.minVersion out, or --transport out to use ws` }
    : { name: 'ws', why };
}

const sslOptions = ({ settings: { certFile, keyFile }, passphrase }: TlsCredentials) => ({
  cert_file_name: certFile,
  key_file_name: keyFile,
  ...(passphrase !== undefined && { passphrase }),
});

const WHAT_TO_DO =
  'use a Node and a glibc that it has a build for, install another build of it, or leave --transport out to use ws';
