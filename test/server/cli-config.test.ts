/** `ringhub config` and `ringhub doctor` as people run them: what they write, what they find, their exit codes. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secretFault } from '../../server/src/auth/secret-faults.ts';
import { configText, initConfig } from '../../server/src/cli/config-init.ts';
import type { DoctorFlags } from '../../server/src/cli/doctor.ts';
import { clock, examine, nodeVersion, openFiles } from '../../server/src/cli/doctor-checks.ts';
import { problemsOf } from '../../server/src/cli/setting-checks.ts';
import { type Config, readConfig } from '../../server/src/config/read-config.ts';
import { type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { makeCertificate } from './support/certificate.ts';
import { CommandLine } from './support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringhub-config-'));
const commands = new CommandLine();
const running: RunningHub[] = [];
beforeAll(() => commands.build());
afterEach(async () => {
  commands.killAll();
  await Promise.all(running.splice(0).map((hub) => hub.close()));
});
afterAll(() => {
  commands.remove();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const place = (): string => {
  const path = join(folder, String(count++));
  mkdirSync(path);
  return path;
};
const file = (text: string): string => {
  const path = join(place(), 'ringhub.yaml');
  writeFileSync(path, text);
  return path;
};
const TOKEN = 'q7Zr1MfD0xVbYk3TnJ8sWcGh5LuEaPo2';
const tokens = `auth: { tokens: [{ token: ${TOKEN}, subject: app, role: server }] }\n`;

async function ended(args: readonly string[], env: Record<string, string> = {}) {
  const run = commands.run(args, env);
  return { code: await run.ended, out: run.out, err: run.err };
}

describe('ringhub config init', () => {
  it('writes settings that work as they stand, and a secret that nobody else can read', async () => {
    const config = join(place(), 'hub.yaml');
    const { code, out } = await ended(['config', 'init', config]);
    expect([code, out]).toEqual([0, expect.stringContaining(`ringhub serve -c ${config}`)]);
    const secret = config.replace('.yaml', '.token');
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(secretFault(readFileSync(secret, 'utf8').trim())).toBeUndefined();
    expect(readFileSync(config, 'utf8')).not.toContain(readFileSync(secret, 'utf8').trim());
    expect(await ended(['config', 'check', '-c', config])).toMatchObject({ code: 0, err: '' });

    const run = commands.run(['serve', '-c', config, '--port', '0']);
    const [, address] = await run.says(/listens at ws:(\/\/127\.0\.0\.1:\d+)\//);
    const published = await ended([
      'pub',
      '--url',
      `http:${address}`,
      '--token-file',
      secret,
      'amq.topic',
      'a',
      'x',
    ]);
    expect(published).toMatchObject({ code: 0 });
  });

  it.each(['hub.yaml', 'hub.token'])('overwrites nothing: not where %s is there', (name) => {
    const at = place();
    writeFileSync(join(at, name), 'mine');
    expect(initConfig(join(at, 'hub.yaml'))).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining(`${name} is there already`),
    });
    expect(readFileSync(join(at, name), 'utf8')).toBe('mine');
    expect(existsSync(join(at, name === 'hub.yaml' ? 'hub.token' : 'hub.yaml'))).toBe(false);
  });

  it('makes another secret each time', () => {
    const secrets = [1, 2].map(() => {
      const written = initConfig(join(place(), 'a.yaml'));
      return written.kind === 'written' ? readFileSync(written.tokenFile, 'utf8') : '';
    });
    expect(new Set(secrets).size).toBe(2);
  });

  it('shows examples that are valid once their # is taken away', () => {
    const text = configText('/run/token').replace(/^#(?=\S| {2})/gm, '');
    const result = readConfig({ file: { name: 'ringhub.yaml', text } });
    if (result.kind === 'faults') throw new Error(result.faults.join('\n'));
    expect(result.config).toMatchObject({
      auth: { tokens: [{ role: 'server' }, { role: 'browser' }] },
      tls: { certFile: '/etc/ringhub/tls/fullchain.pem' },
      proxy: { trusted: ['127.0.0.1', '10.0.0.0/8'] },
      http: { publicMetrics: true },
      roles: { browser: { limits: { maxPayloadBytes: 65_536 } } },
    });
  });
});

describe('ringhub config check', () => {
  it('says what is wrong, by exit code 2', async () => {
    const text = 'auth: { tokens: [{ token: short, subject: a, role: server }] }\nhost: 0.0.0.0';
    const { code, out, err } = await ended(['config', 'check', '-c', file(text)], { RINGHUB_PROT: '1' });
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^ringhub: auth\.tokens\[0\].*at least 32/m);
    expect(err).toMatch(/^ringhub: on 0\.0\.0\.0 .*in the clear: choose one$/m);
    expect(err).toMatch(/RINGHUB_PROT is no setting .*did you mean RINGHUB_PORT/);
  });

  it.each([
    ['no secret', 'port: 1', /^no tokens are configured/],
    ['a weak secret', tokens.replace(TOKEN, 'short'), /at least 32/],
    ['a place in the clear', `${tokens}host: 0.0.0.0`, /in the clear: choose one/],
    [
      'TLS files that are not there',
      `${tokens}tls: { certFile: /no/such, keyFile: /no/key }`,
      /there is no \/no\/such/,
    ],
  ])('finds %s', (_, text, words) => {
    const result = readConfig({ file: { name: 'ringhub.yaml', text } });
    const { faults } = problemsOf((result as { config: Config }).config, Date.now());
    expect(faults).toEqual([expect.stringMatching(words)]);
  });

  it('warns of what is allowed and unsafe', () => {
    const text = `${tokens}host: 0.0.0.0\nhttp: { allowPlaintext: true }`;
    const result = readConfig({ file: { name: 'ringhub.yaml', text } });
    expect(problemsOf((result as { config: Config }).config, Date.now())).toEqual({
      faults: [],
      warnings: [expect.stringMatching(/^http\.allowPlaintext: /)],
    });
  });
});

describe('ringhub doctor', () => {
  it('finds a machine and settings fine, and a running hub with a message that comes back', async () => {
    const { cert, key } = makeCertificate();
    const at = place();
    const [certFile, keyFile] = [join(at, 'crt'), join(at, 'key')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    const hub = await startHub({
      transport: 'ws',
      tls: { certFile, keyFile },
      tokens: [{ token: TOKEN, subject: 'app', role: 'server' }],
    });
    running.push(hub);
    const config = file(
      `${tokens}port: 0\ndata: ${at}/data\ntls: { certFile: ${certFile}, keyFile: ${keyFile} }`,
    );
    const args = ['doctor', '-c', config, '--url', hub.httpUrl];
    const env = { RINGHUB_TOKEN: TOKEN, NODE_EXTRA_CA_CERTS: certFile, RINGHUB_DATA: `${at}/data` };
    const { code, out } = await ended(args, env);
    expect(out).not.toContain('✗');
    expect(code).toBe(0);
    for (const words of [
      /✓ clock/,
      /✓ settings/,
      /✓ TLS: a certificate for DNS:localhost.* 29 more days/,
      /✓ transport: ws/,
      /✓ data folder: .*will be made/,
      /✓ hub: ready at https/,
      /✓ hub: a message came back/,
    ])
      expect(out).toMatch(words);
    expect(existsSync(`${at}/data`)).toBe(false);
  });

  const found = async (flags: Partial<DoctorFlags>): Promise<string> => {
    const findings: string[] = [];
    for await (const { state, what, todo } of examine({ timeout: 10, ...flags })) {
      findings.push(`${state} ${what} → ${todo}`);
    }
    return findings.join('\n');
  };
  const hubWith = async (options: StartHubOptions): Promise<RunningHub> => {
    const hub = await startHub({ transport: 'ws', ...options });
    running.push(hub);
    return hub;
  };

  it('says why a hub does not let it in', async () => {
    const { cert, key } = makeCertificate();
    const secure = await hubWith({ tls: { certFile: file(cert), keyFile: file(key) } });
    expect(await found({ url: secure.httpUrl })).toMatch(
      /bad hub: cannot be reached .*DEPTH_ZERO_SELF_SIGNED_CERT\) → .*NODE_EXTRA_CA_CERTS/,
    );
    const plain = await hubWith({});
    expect(await found({ url: plain.url, tokenFile: file('wrong') })).toMatch(
      /bad hub: no message came back: the hub does not accept this token/,
    );
    expect(await found({ url: plain.url })).toMatch(/fine hub: ready .*\nodd hub: no message was sent/);
    expect(await found({ url: 'http://127.0.0.1:1' })).toMatch(
      /bad hub: cannot be reached at http:\/\/127\.0\.0\.1:1\//,
    );
  });

  it('says what must be put right', async () => {
    const other = createServer((_, answer) => answer.end('<h1>no hub</h1>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const data = place();
    chmodSync(data, 0o755);
    writeFileSync(join(data, 'store.mdb'), 'this is no store');
    const config = file(
      `auth: { tokens: [{ token: short, subject: a, role: server }] }\nport: ${port}\ndata: ${data}\ntls: { certFile: /no/such, keyFile: /no/key }`,
    );
    const words = await found({ config, url: `http://127.0.0.1:${port}` });
    other.close();
    for (const pattern of [
      /bad who may come in: a hub would not start → .*at least 32/,
      /bad TLS: a hub would not start → .*there is no \/no\/such/,
      new RegExp(`odd port: ${port} on 127\\.0\\.0\\.1 is in use`),
      /odd data folder: other users can look into it → chmod 700/,
      /bad store: .* → restore a backup/,
      /bad hub: what answers at .* is no hub/,
    ])
      expect(words).toMatch(pattern);
  });

  it('with settings that are none says so', async () => {
    expect(await found({ config: file('prot: 1') })).toMatch(/bad settings: prot: there is no such setting/);
  });

  it.each([
    ['18.20.0', 'bad'],
    ['20.18.9', 'bad'],
    ['20.19.0', 'odd'],
    ['22.1.0', 'fine'],
    ['24.0.0', 'fine'],
  ])('finds Node %s %s', (version, state) => {
    expect(nodeVersion(version).state).toBe(state);
  });

  it('finds a clock that is years behind', () => {
    expect(clock(Date.UTC(1970, 0, 1)).state).toBe('bad');
    expect(clock(Date.now()).state).toBe('fine');
  });

  it('finds too few open files', () => {
    expect(openFiles(20_000, 1_024)).toMatchObject({ state: 'odd', todo: expect.stringContaining('20200') });
    expect(openFiles(20_000, Number.POSITIVE_INFINITY).state).toBe('fine');
    expect(openFiles(100, 1_024).state).toBe('fine');
  });
});
