/**
 * What `ringhub config init` writes: a configuration that works as it stands, and the secret it names.
 *
 * Never overwrites: a secret that somebody uses is not lost by a command typed twice.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';

export type Written =
  | { readonly kind: 'written'; readonly configFile: string; readonly tokenFile: string }
  | { readonly kind: 'refused'; readonly why: string };

const TOKEN_BYTES = 32;

export function initConfig(configFile: string): Written {
  const tokenFile = join(dirname(configFile), `${basename(configFile, extname(configFile))}.token`);
  for (const file of [configFile, tokenFile]) {
    if (existsSync(file))
      return { kind: 'refused', why: `${file} is there already and was left as it is: name another file` };
  }
  try {
    // Should one have come meanwhile, it is not overwritten either.
    writeFileSync(tokenFile, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, {
      mode: 0o600,
      flag: 'wx',
    });
    writeFileSync(configFile, configText(resolve(tokenFile)), { mode: 0o644, flag: 'wx' });
  } catch (error) {
    return { kind: 'refused', why: `cannot write: ${(error as Error).message}` };
  }
  return { kind: 'written', configFile, tokenFile };
}

/** Lines that begin with `#` and no space are settings: without the `#` they are valid. */
export const configText = (
  tokenFile: string,
): string => `# Settings of a Ringhub hub. "ringhub config check -c FILE" checks them, "ringhub config show -c FILE" shows
# all there are with their defaults, "ringhub config schema" describes them for editors.
# Lines with a # and no space behind it are examples: take the # away to use them.

# Who may come in. A token is a secret: keep it in a file that only the hub can read.
auth:
  tokens:
    - { tokenFile: ${JSON.stringify(tokenFile)}, subject: app, role: server }
#    - { tokenFile: /run/secrets/ringhub-pages, subject: pages, role: browser }

# Where to listen. Beyond 127.0.0.1 the hub wants to know how tokens are kept from others' eyes: by TLS of its own,
# or by a proxy before it.
host: 127.0.0.1
port: 8080

# TLS of its own. Renewed files are taken up within a minute, or at once by SIGHUP (transport ws).
#tls:
#  certFile: /etc/ringhub/tls/fullchain.pem
#  keyFile: /etc/ringhub/tls/privkey.pem
#  minVersion: TLSv1.2

# Proxies before it: only their headers say who calls, by which name and whether by https.
#proxy:
#  trusted: [127.0.0.1, 10.0.0.0/8]
#  headers: x-forwarded

# Pages of other origins that may call, exactly as browsers write them.
http:
  origins: []
#  publicMetrics: true

# Where everything durable lies: this hub's alone.
data: ./data

# What a role may take at most, over the built-in bounds.
#roles:
#  browser:
#    limits: { maxPayloadBytes: 65536 }

log:
  level: info
`;
