/** TLS by files, on both transports: who can connect, what is refused before anything listens, and renewals. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { connect as connectClient } from '@ringhub/client';
import { SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createCarrier, TransportUnavailable } from '../../server/src/carrier.ts';
import { readTls, type TlsFinding } from '../../server/src/http/tls-files.ts';
import { TlsRenewal } from '../../server/src/http/tls-renewal.ts';
import { type RunningHub, type StartHubOptions, startHub, TlsUnusable } from '../../server/src/index.ts';
import { createLog } from '../../server/src/ops/log.ts';
import { Client } from '../contract/transport-suite.ts';
import { transportsHere, uwsHere } from '../contract/uws-here.ts';
import { type Certificate, type CertificateOptions, makeCertificate } from './support/certificate.ts';

const DAY_MS = 24 * 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'ringhub-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Writes a pair of files; the same names again renew them. */
function pair({ cert, key }: Certificate, name = String(count++)) {
  const certFile = join(folder, `${name}.crt`);
  const keyFile = join(folder, `${name}.key`);
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile };
}

const file = (text: string): string => {
  const path = join(folder, String(count++));
  writeFileSync(path, text);
  return path;
};

const running: RunningHub[] = [];
afterEach(() => Promise.all(running.splice(0).map((hub) => hub.close())));

describe.each(transportsHere)('TLS over %s', (transport) => {
  const certificate = makeCertificate();
  const start = async (options: StartHubOptions = {}): Promise<RunningHub> => {
    const hub = await startHub({ transport, tls: pair(certificate), ...options });
    running.push(hub);
    return hub;
  };
  /** A client that trusts this certificate alone. */
  class TrustingSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca: certificate.cert });
    }
  }
  const peerOf = (hub: RunningHub, options: object = {}): Promise<PeerCertificate> =>
    new Promise((resolve, reject) => {
      const socket: TLSSocket = connectTls(
        { port: hub.port, host: '127.0.0.1', rejectUnauthorized: false, ...options },
        () => {
          resolve(socket.getPeerCertificate());
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  const publish = (hub: RunningHub, ca: string): Promise<{ status: number | undefined; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${hub.token}`, Origin: hub.httpUrl };
      const asked = request(`${hub.httpUrl}/v1/publish?key=a.b`, {
        method: 'POST',
        ca,
        headers,
        agent: false,
      });
      asked.on('error', reject);
      asked.on('response', async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode, text });
      });
      asked.end('hello');
    });

  it('carries WebSockets, HTTP and the SDK, and its own pages are those of https', async () => {
    const hub = await start();
    expect(hub.url).toBe(`wss://127.0.0.1:${hub.port}/v1/ws`);
    expect(hub.httpUrl).toBe(`https://127.0.0.1:${hub.port}`);
    const client = await connectClient(hub.httpUrl, { token: hub.token, WebSocket: TrustingSocket });
    const subscription = await client.subscribe('amq.topic', 'a.#');
    expect(await publish(hub, certificate.cert)).toMatchObject({ status: 200 });
    for await (const event of subscription) {
      expect(event).toMatchObject({ kind: 'message', routingKey: 'a.b' });
      break;
    }
    await client.close();

    const own = new Client(
      new WebSocket(hub.url, SUBPROTOCOL_JSON, { ca: certificate.cert, origin: hub.httpUrl }),
    );
    expect(await own.opened).toBe(true);
    const plainPage = new WebSocket(hub.url, SUBPROTOCOL_JSON, {
      ca: certificate.cert,
      origin: hub.httpUrl.replace('https', 'http'),
    });
    expect(await new Client(plainPage).opened).toBe(false);
  });

  it('is refused by clients that do not know the certificate', async () => {
    const hub = await start();
    await expect(publish(hub, makeCertificate().cert)).rejects.toThrow(/self-signed|unable to verify/i);
    expect(await new Client(new WebSocket(hub.url, SUBPROTOCOL_JSON)).opened).toBe(false);
  });

  it('speaks nothing in the clear', async () => {
    const hub = await start();
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectTcp(hub.port, '127.0.0.1', () =>
        socket.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${hub.port}\r\n\r\n`),
      );
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    expect(answer).not.toContain('alive');
    expect(await peerOf(hub)).toMatchObject({ subject: { CN: 'ringhub test' } });
  });

  it('speaks no version older than 1.2', async () => {
    const hub = await start();
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(peerOf(hub, old)).rejects.toThrow();
    expect(await peerOf(hub, { maxVersion: 'TLSv1.2' })).toMatchObject({ subject: { CN: 'ringhub test' } });
  });

  it('takes an encrypted key with its passphrase', async () => {
    const sealed = makeCertificate({ passphrase: 'open sesame' });
    const hub = await start({ tls: { ...pair(sealed), passphraseFile: file('open sesame\n') } });
    expect(await publish(hub, sealed.cert)).toMatchObject({ status: 200 });
  });

  it('goes on with renewed files, or says that it has to be restarted; what is broken changes nothing', async () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line: string) => void lines.push(line) });
    const files = pair(makeCertificate({ commonName: 'first' }));
    const hub = await start({ tls: files, log });
    const told = () => lines.splice(0).join('');
    told();
    hub.renewTls();
    expect(told()).toBe('');

    const [second] = [makeCertificate({ commonName: 'second' })];
    writeFileSync(files.certFile, second.cert);
    hub.renewTls();
    expect(told()).toContain('is not the key of the first certificate');
    hub.renewTls();
    expect(told()).toBe('');
    expect(await peerOf(hub)).toMatchObject({ subject: { CN: 'first' } });

    writeFileSync(files.keyFile, second.key);
    hub.renewTls();
    const renewed = transport === 'ws';
    expect(told()).toContain(renewed ? 'the TLS certificate was renewed' : 'restart the hub');
    expect(await peerOf(hub)).toMatchObject({ subject: { CN: renewed ? 'second' : 'first' } });
  });

  it('does not start with files that do not fit', async () => {
    const tls = { certFile: pair(makeCertificate()).certFile, keyFile: pair(makeCertificate()).keyFile };
    await expect(start({ tls })).rejects.toThrow(TlsUnusable);
  });
});

describe('TLS 1.3 only', () => {
  const { certFile, keyFile } = pair(makeCertificate());
  const found = readTls({ certFile, keyFile, minVersion: 'TLSv1.3' }, Date.now());
  const tls = found.kind === 'usable' ? found.credentials : undefined;
  const options = { objection: () => undefined, maxSilenceMs: 1, tls };

  it('is spoken over ws', async () => {
    const hub = await startHub({ transport: 'ws', tls: { certFile, keyFile, minVersion: 'TLSv1.3' } });
    running.push(hub);
    const connect = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string | null>((resolve, reject) => {
        const at = { port: hub.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion };
        const socket = connectTls(at, () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await connect('TLSv1.3')).toBe('TLSv1.3');
    await expect(connect('TLSv1.2')).rejects.toThrow();
  });

  it.skipIf(!uwsHere)('is not asked of uWebSockets.js: auto takes ws, and uws does not start', () => {
    const uws = { name: 'uws', why: 'installed', uws: uwsHere! } as const;
    expect(createCarrier('auto', options, uws).transport.name).toBe('ws');
    expect(() => createCarrier('uws', options, uws)).toThrow(TransportUnavailable);
  });
});

describe('TLS files', () => {
  const why = (finding: TlsFinding) =>
    finding.kind === 'unusable' ? finding.why : JSON.stringify(finding.warnings);
  const made = (options: CertificateOptions = {}) => pair(makeCertificate(options));
  const nowMs = Date.now();

  it('that are fine are read, and say for whom and until when', () => {
    const files = made({ validToMs: nowMs + 90 * DAY_MS });
    const found = readTls(files, nowMs);
    expect(found).toMatchObject({ kind: 'usable', warnings: [] });
    if (found.kind !== 'usable') return;
    expect(found.credentials.names).toContain('DNS:localhost');
    expect(Math.abs(found.credentials.expiresAtMs - nowMs - 90 * DAY_MS)).toBeLessThan(1_000);
  });

  it.each([
    [
      'a certificate that is not there',
      () => ({ ...made(), certFile: join(folder, 'no') }),
      /^tls\.certFile: there is no .*correct the path/,
    ],
    [
      'a key that is not there',
      () => ({ ...made(), keyFile: join(folder, 'no') }),
      /^tls\.keyFile: there is no /,
    ],
    ['a folder', () => ({ ...made(), keyFile: folder }), /^tls\.keyFile: .* cannot be read \(EISDIR\)/],
    [
      'no certificate',
      () => ({ ...made(), certFile: file('hello') }),
      /^tls\.certFile: .* holds no certificate in PEM/,
    ],
    [
      'no key',
      () => ({ ...made(), keyFile: file('hello') }),
      /^tls\.keyFile: .* holds no private key in PEM/,
    ],
    [
      'another key',
      () => ({ ...made(), keyFile: made().keyFile }),
      /^tls\.keyFile: .* is not the key of the first certificate/,
    ],
    [
      'an encrypted key without passphrase',
      () => made({ passphrase: 'x' }),
      /is encrypted: name a file with its passphrase in tls\.passphraseFile/,
    ],
    [
      'a wrong passphrase',
      () => ({ ...made({ passphrase: 'x' }), passphraseFile: file('y') }),
      /^tls\.passphraseFile: the passphrase in .* does not open/,
    ],
    [
      'an expired certificate',
      () => made({ validToMs: nowMs - DAY_MS }),
      /^tls\.certFile: .* was valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC: renew/,
    ],
    [
      'a certificate of tomorrow',
      () => made({ validFromMs: nowMs + DAY_MS }),
      /^tls\.certFile: .* is valid from .* set this machine's clock/,
    ],
  ])('with %s are refused in one line that says what to do', (_, settings, text) => {
    const found = readTls(settings(), nowMs);
    expect(found.kind).toBe('unusable');
    expect(why(found)).toMatch(text);
    expect(why(found)).not.toContain('\n');
  });

  it('that will expire soon, or whose key others can read, are warned of', () => {
    const files = made({ validToMs: nowMs + 3 * DAY_MS });
    chmodSync(files.keyFile, 0o644);
    expect(why(readTls(files, nowMs))).toMatch(/valid until .* only: renew.*chmod 600/);
  });

  it('that were refused and are right again are no renewal', () => {
    const files = made();
    const first = readTls(files, nowMs);
    if (first.kind !== 'usable') throw new Error(first.why);
    const renewed: string[] = [];
    const renewal = new TlsRenewal(
      {
        renew: ({ names }) => {
          renewed.push(names);
          return { kind: 'renewed' };
        },
      },
      first.credentials,
    );
    writeFileSync(files.keyFile, 'half');
    expect(renewal.look(nowMs).kind).toBe('not-renewed');
    writeFileSync(files.keyFile, first.credentials.key);
    expect(renewal.look(nowMs).kind).toBe('renewed');
    expect(renewed).toHaveLength(1);
    expect(renewal.look(nowMs).kind).toBe('unchanged');
  });
});
