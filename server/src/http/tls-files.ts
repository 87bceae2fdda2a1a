/**
 * The certificate and key that TLS is spoken with: read from files, checked before anything listens, read again when they are renewed.
 *
 * Files that do not belong together, or are no longer valid, are refused in one line that says what to do. A renewal
 * that is refused leaves the certificate that is in use in use.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface TlsSettings {
  /** PEM: the certificate, then those of its issuers. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Holds the passphrase of the key and nothing else. */
  readonly passphraseFile?: string | undefined;
  /** The oldest version spoken; TLSv1.2 by default. */
  readonly minVersion?: TlsVersion | undefined;
}

/** What was found in the files, in the forms that node:https and uWebSockets.js take. */
export interface TlsCredentials {
  readonly settings: TlsSettings;
  readonly minVersion: TlsVersion;
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | undefined;
  readonly expiresAtMs: number;
  /** Names and addresses that the certificate is for, as it writes them. */
  readonly names: string;
  /** Equal where nothing has changed. */
  readonly fingerprint: string;
}

export type TlsFinding =
  | { readonly kind: 'usable'; readonly credentials: TlsCredentials; readonly warnings: readonly string[] }
  /** One line that says what to do. */
  | { readonly kind: 'unusable'; readonly why: string };

/** Why TLS cannot be spoken with these files, in one line that says what to do. */
export class TlsUnusable extends Error {}

const DAY_MS = 24 * 3_600_000;
/** A certificate that ends earlier is warned of. */
const SOON_MS = 14 * DAY_MS;
const READABLE_BY_OTHERS = 0o004;

class Fault extends Error {}

export function readTls(settings: TlsSettings, nowMs: number): TlsFinding {
  try {
    return { kind: 'usable', ...found(settings, nowMs) };
  } catch (error) {
    if (error instanceof Fault) return { kind: 'unusable', why: error.message };
    throw error;
  }
}

function found(settings: TlsSettings, nowMs: number): { credentials: TlsCredentials; warnings: string[] } {
  const { certFile, keyFile, passphraseFile, minVersion = 'TLSv1.2' } = settings;
  const cert = textOf('tls.certFile', certFile);
  const key = textOf('tls.keyFile', keyFile);
  const passphrase =
    passphraseFile === undefined ? undefined : textOf('tls.passphraseFile', passphraseFile).trim();
  const certificate = certificateIn(cert, certFile);
  if (!certificate.checkPrivateKey(privateKeyIn(key, passphrase, settings))) {
    throw new Fault(
      `tls.keyFile: ${keyFile} is not the key of the first certificate in ${certFile}: give the pair that was issued together, and put the issuers' certificates behind it`,
    );
  }
  const expiresAtMs = Date.parse(certificate.validTo);
  if (expiresAtMs <= nowMs) {
    throw new Fault(
      `tls.certFile: ${certFile} was valid until ${dateOf(expiresAtMs)}: renew the certificate`,
    );
  }
  const validFromMs = Date.parse(certificate.validFrom);
  if (validFromMs > nowMs) {
    throw new Fault(
      `tls.certFile: ${certFile} is valid from ${dateOf(validFromMs)} on: wait until then, or set this machine's clock`,
    );
  }
  const warnings: string[] = [];
  if (expiresAtMs - nowMs < SOON_MS)
    warnings.push(`${certFile} is valid until ${dateOf(expiresAtMs)} only: renew the certificate`);
  if (isReadableByOthers(keyFile))
    warnings.push(`${keyFile} can be read by every user of this machine: chmod 600 it`);
  const names = certificate.subjectAltName ?? certificate.subject.replaceAll('\n', ', ');
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([cert, key, passphrase]))
    .digest('hex');
  return {
    credentials: { settings, minVersion, cert, key, passphrase, expiresAtMs, names, fingerprint },
    warnings,
  };
}

function textOf(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Fault(`${setting}: there is no ${path}: correct the path`);
    if (code === 'EACCES')
      throw new Fault(
        `${setting}: ${path} may not be read by this user: give it to the user that runs the hub`,
      );
    throw new Fault(`${setting}: ${path} cannot be read (${code}): correct the path`);
  }
}

function certificateIn(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Fault(`tls.certFile: ${path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`);
  }
}

function privateKeyIn(pem: string, passphrase: string | undefined, { keyFile, passphraseFile }: TlsSettings) {
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
  } catch {
    if (pem.includes('ENCRYPTED') && passphrase === undefined) {
      throw new Fault(
        `tls.keyFile: ${keyFile} is encrypted: name a file with its passphrase in tls.passphraseFile`,
      );
    }
    if (pem.includes('ENCRYPTED'))
      throw new Fault(`tls.passphraseFile: the passphrase in ${passphraseFile} does not open ${keyFile}`);
    throw new Fault(`tls.keyFile: ${keyFile} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)`);
  }
}

const dateOf = (timeMs: number): string =>
  `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function isReadableByOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & READABLE_BY_OTHERS) !== 0;
}
