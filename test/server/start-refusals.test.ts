/** A7: a hub that would not be safe does not start, and says what to do; what is allowed and unsafe is told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secretFault } from '../../server/src/auth/secret-faults.ts';
import { type Exposure, exposureFaults, exposureWarnings } from '../../server/src/http/exposure.ts';
import { makeCertificate } from './support/certificate.ts';
import { CommandLine } from './support/command-line.ts';

const TOKEN = 'q7Zr1MfD0xVbYk3TnJ8sWcGh5LuEaPo2';
const folder = mkdtempSync(join(tmpdir(), 'ringhub-start-'));
const commands = new CommandLine();
beforeAll(() => commands.build());
afterEach(() => commands.killAll());
afterAll(() => {
  commands.remove();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const file = (text: string): string => {
  const path = join(folder, String(count++));
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
const serve = (settings: object, ...flags: string[]) =>
  commands.run(['serve', '--port', '0', '--config', file(JSON.stringify(settings)), ...flags], TELLS_CPU);
/** A process that says at its end how much of a processor it took: unlike its time, that is the same on a busy machine. */
const TELLS_CPU = {
  NODE_OPTIONS: `--import "data:text/javascript,process.on('exit',()=>{const{user,system}=process.cpuUsage();console.error('cpu-us',user+system)})"`,
};
const cpuMsOf = (said: string) => Number(/cpu-us (\d+)/.exec(said)?.[1]) / 1000;
const tokens = (token: string) => ({ auth: { tokens: [{ token, subject: 'app', role: 'server' }] } });

describe('A7: ringhub serve does not start', () => {
  it.each([
    ['without a secret', {}, [], /no tokens are configured.*\n.*ringhub serve --dev/],
    ['with a short secret', tokens('short'), [], /at least 32 bytes: make one with/],
    [
      'with a known sample',
      tokens('change-me-change-me-change-me-123456'),
      [],
      /from a documentation.*: make one with/,
    ],
    [
      'beyond loopback in the clear',
      { ...tokens(TOKEN), host: '0.0.0.0' },
      [],
      /in the clear.*\n.*tls: .*\n.*proxy: /,
    ],
    [
      'with a certificate that is not there',
      { ...tokens(TOKEN), tls: { certFile: '/no/such', keyFile: '/no/key' } },
      [],
      /tls\.certFile: there is no \/no\/such: correct the path/,
    ],
  ])('%s', async (_, settings, flags, text) => {
    const run = serve(settings, ...flags);
    expect(await run.ended).toBe(2);
    expect(run.err).toMatch(text);
    expect(run.out).toBe('');
    expect(run.err).not.toMatch(/^\s+at /m);
    expect(cpuMsOf(run.err)).toBeLessThan(1_000);
  });
});

describe('ringhub serve starts beyond loopback', () => {
  it('with TLS, warns of nothing, and takes up renewed files by SIGHUP', async () => {
    const [first, second] = [makeCertificate(), makeCertificate()];
    const [certFile, keyFile] = [file(first.cert), file(first.key)];
    const run = serve({ ...tokens(TOKEN), host: '0.0.0.0', transport: 'ws', tls: { certFile, keyFile } });
    await run.says(/listens at wss:/);
    expect(run.err).not.toContain('"level":"warn"');
    writeFileSync(certFile, second.cert);
    writeFileSync(keyFile, second.key);
    run.child.kill('SIGHUP');
    await run.says(/the TLS certificate was renewed/);
  });

  it('in the clear where that is meant, which the log and /readyz?verbose tell, but no more', async () => {
    const settings = { host: '0.0.0.0', http: { allowPlaintext: true, publicMetrics: true } };
    const run = serve({ ...tokens(TOKEN), ...settings });
    const [, port] = await run.says(/listens at ws:.*:(\d+)\//);
    await run.says(/"level":"warn".*http\.allowPlaintext: tokens and messages travel in the clear/);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz?verbose`);
    expect(await answer.json()).toEqual({
      status: 'ready',
      reasons: [],
      warnings: [
        'http.allowPlaintext: tokens and messages travel in the clear',
        'http.publicMetrics: everybody may read /metrics',
      ],
    });
  });
});

describe('where a hub may listen', () => {
  const safe: Exposure = {
    host: '127.0.0.1',
    dev: false,
    tls: false,
    trustedProxies: [],
    allowPlaintext: false,
    publicMetrics: false,
  };

  it.each(['127.0.0.1', '127.3.2.1', '::1', 'localhost'])('is %s without anything more', (host) => {
    expect(exposureFaults({ ...safe, host })).toEqual([]);
    expect(exposureFaults({ ...safe, host, dev: true })).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'hub.example', '127.0.0.1.evil.example'])('is not %s', (host) => {
    expect(exposureFaults({ ...safe, host })).toHaveLength(1);
    for (const more of [{ tls: true }, { trustedProxies: ['10.0.0.1'] }, { allowPlaintext: true }]) {
      expect(exposureFaults({ ...safe, host, ...more })).toEqual([]);
      expect(exposureFaults({ ...safe, host, ...more, dev: true })).toHaveLength(1);
    }
  });

  it('is told of where everybody is a trusted proxy', () => {
    expect(exposureWarnings({ ...safe, trustedProxies: ['10.0.0.0/8'] })).toEqual([]);
    for (const network of ['0.0.0.0/0', '::/0'])
      expect(exposureWarnings({ ...safe, trustedProxies: [network] })[0]).toMatch(/^proxy\.trusted/);
  });
});

describe('a secret', () => {
  it.each([
    '',
    'short',
    'a'.repeat(40),
    'abababababababababababababababababab',
    'CHANGE_ME_please_this_is_long_enough',
    'your-256-bit-secret-your-256-bit-secret',
    'my-super-secret-token-for-ringhub-2026',
    '0123456789abcdef0123456789abcdef',
    'replace-this-with-a-random-token-xyz',
  ])('is refused: %j', (text) => {
    expect(secretFault(text)).toBeDefined();
  });

  it.each([TOKEN, 'Zm9vYmFyYmF6cXV4Y29ycmVjdGhvcnNlYmF0dGVyeQ==', '3f8a1c9be2d74605a1b2c3d4e5f60718'])(
    'is taken: %j',
    (text) => {
      expect(secretFault(text)).toBeUndefined();
    },
  );
});
