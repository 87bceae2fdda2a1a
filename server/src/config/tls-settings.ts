/**
 * Section `tls`: with it the hub speaks TLS, and nothing else, on its port.
 */
import { z } from 'zod';

const path = z.string().min(1);

export const tlsSettings = z.strictObject({
  /** PEM: the hub's certificate, then those of its issuers. */
  certFile: path,
  /** PEM: the private key of that certificate. */
  keyFile: path,
  /** File that holds the passphrase of the key and nothing else. */
  passphraseFile: path.optional(),
  /** The oldest version spoken. */
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
});
