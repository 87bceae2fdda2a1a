/**
 * Looks whether the certificate's files have changed, and has the server use what is there now.
 *
 * Looks at contents, not at times: whatever renews certificates, by links, copies or mounts, is noticed. What is there
 * and cannot be used is told once, until it changes again; the certificate in use stays in use.
 */
import type { HttpServer } from './http-server.ts';
import { readTls, type TlsCredentials } from './tls-files.ts';

export type RenewalNews =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'renewed'; readonly expiresAtMs: number }
  /** The files are new and cannot be used, or not by this server: why, in one line. */
  | { readonly kind: 'not-renewed'; readonly why: string };

export class TlsRenewal {
  readonly #server: Pick<HttpServer, 'renew'>;
  #inUse: TlsCredentials;
  /** What was found last: a fingerprint, or why there was nothing to use. */
  #seen: string;

  constructor(server: Pick<HttpServer, 'renew'>, inUse: TlsCredentials) {
    this.#server = server;
    this.#inUse = inUse;
    this.#seen = inUse.fingerprint;
  }

  get inUse(): TlsCredentials {
    return this.#inUse;
  }

  look(nowMs: number): RenewalNews {
    const found = readTls(this.#inUse.settings, nowMs);
    const seen = found.kind === 'usable' ? found.credentials.fingerprint : found.why;
    if (seen === this.#seen) return { kind: 'unchanged' };
    this.#seen = seen;
    if (found.kind === 'unusable') return { kind: 'not-renewed', why: found.why };
    const renewal = this.#server.renew(found.credentials);
    if (renewal.kind === 'restart-needed') {
      return { kind: 'not-renewed', why: `${renewal.why}: restart the hub, or run it with --transport ws` };
    }
    this.#inUse = found.credentials;
    return { kind: 'renewed', expiresAtMs: found.credentials.expiresAtMs };
  }
}
