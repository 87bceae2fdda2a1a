/**
 * Section `tls`: with it the hub speaks TLS, and nothing else, on its port.
 */
import * as z from 'zod';

const path = z.string().min(1);

export const tlsSettings = z.strictObject({
  certFile: path.describe("PEM: the hub's certificate, then those of its issuers"),
  keyFile: path.describe('PEM: the private key of that certificate'),
  passphraseFile: path.optional().describe('File that holds the passphrase of the key and nothing else'),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('The oldest version spoken'),
});
