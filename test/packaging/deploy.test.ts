/** What `deploy/` says, as far as it can be tried without a container engine: its settings start a hub, its steps fit this tree. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../server/src/config/read-config.ts';
import { exposureFaults } from '../../server/src/http/exposure.ts';
import { startHub } from '../../server/src/index.ts';
import { makeCertificate } from '../server/support/certificate.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'ringhub-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The instructions of a Dockerfile: continued lines joined, comments left out. */
const instructions = read('deploy/Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .map((line) => /^([A-Z]+) +(.*)$/.exec(line.trim()))
  .flatMap((found) => (found ? [{ word: found[1] as string, text: found[2] as string }] : []));

/** Patterns of what is not sent, the last that matches counts: as far as the file uses them. */
const ignored = read('deploy/Dockerfile.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const pattern = line.replace(/^!/, '').replace(/[.]/g, '\\.');
    const body = pattern
      .replaceAll('**/', '(.*/)?')
      .replace(/[/][*][*]$/, '/.+')
      .replace(/(?<![.)])[*]/g, '[^/]*');
    return { isSent: line.startsWith('!'), matches: new RegExp(`^${body}$`) };
  });
/** As npm does it: packages from elsewhere, and workspaces by links to where they are. */
function install(name: string, context: string): void {
  mkdirSync(join(context, 'node_modules/@ringhub'), { recursive: true });
  if (name !== '@ringhub') symlinkSync(join(root, 'node_modules', name), join(context, 'node_modules', name));
  else
    for (const workspace of readdirSync(join(root, 'node_modules/@ringhub'))) {
      const link = join('node_modules/@ringhub', workspace);
      symlinkSync(readlinkSync(join(root, link)), join(context, link));
    }
}

const isSent = (path: string): boolean =>
  ignored.findLast(({ matches }) => matches.test(path))?.isSent ?? true;

describe('the Dockerfile', () => {
  const lastStage = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));
  const inLastStage = (word: string) => lastStage.filter((one) => one.word === word).map(({ text }) => text);

  it('builds on named versions, and on a Node that is supported', () => {
    const images = instructions.filter(({ word }) => word === 'FROM').map(({ text }) => text.split(' ')[0]);
    expect(images.length).toBeGreaterThan(1);
    for (const image of images) expect(image).toMatch(/^node:(22|24)-[a-z]+-slim$/);
  });

  it('ends as a user that is not root, by number', () => {
    expect(inLastStage('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
    const last = lastStage.findIndex(({ word }) => word === 'USER');
    expect(lastStage.slice(last + 1).filter(({ word }) => word === 'RUN' || word === 'COPY')).toEqual([]);
  });

  it('runs the hub itself, not a shell, so that signals reach it, and asks after its health', () => {
    expect(JSON.parse(inLastStage('ENTRYPOINT')[0] as string)).toEqual(['node', '/app/server/dist/main.js']);
    expect(inLastStage('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(inLastStage('HEALTHCHECK')[0]).toMatch(/CMD \["node", "\/app\/deploy\/healthcheck\.mjs"\]$/);
    expect(inLastStage('VOLUME')).toEqual(['/data']);
  });

  it('copies what is there, and downloads nothing besides packages of the lock', () => {
    for (const { word, text } of instructions) {
      expect(word).not.toBe('ADD');
      if (word !== 'COPY' || text.startsWith('--from') || text.startsWith('.')) continue;
      for (const path of text.split(/ +/).slice(0, -1)) expect(existsSync(join(root, path)), path).toBe(true);
    }
    const runs = instructions.filter(({ word }) => word === 'RUN').map(({ text }) => text);
    expect(runs.filter((text) => /npm/.test(text))).toEqual(runs.filter((text) => /^npm ci /.test(text)));
    expect(runs.join('\n')).not.toMatch(/curl|wget|sudo|npm install|chmod 777/);
  });

  it('knows every workspace that the lock knows', () => {
    const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
    for (const workspace of workspaces) {
      const copies = instructions.filter(({ text }) => text.startsWith(`${workspace}/package.json `));
      expect(copies, workspace).toHaveLength(2);
    }
  });

  it('has all packages of the server in the image, wherever npm puts them', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const folders = Object.entries(packages).flatMap(([path, { dev }]) =>
      /^(server|protocol|client-sdk)\/node_modules\//.test(path) && !dev ? [path.split('/', 1)[0]] : [],
    );
    const copied = inLastStage('COPY').filter((text) => text.startsWith('--from=dependencies '));
    for (const folder of new Set(['.', ...folders])) {
      const path = join('/app', folder as string, 'node_modules');
      expect(copied.map((text) => text.split(/ +/)[1])).toContain(path);
    }
  });

  it('builds from no more than what is sent to the engine', async () => {
    const context = join(folder, 'context');
    cpSync(root, context, { recursive: true, filter: (path) => isSent(relative(root, path)) });
    expect(readdirSync(context)).not.toContain('docs');
    for (const name of readdirSync(join(root, 'node_modules'))) install(name, context);
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: context });
    expect(stdout).not.toContain('FAILED');
    for (const made of ['server/dist/main.js', 'client-sdk/dist/index.js', 'demo/dist/chat/index.html'])
      expect(existsSync(join(context, made)), made).toBe(true);
  }, 60_000);

  it('holds no secret, and its settings are ones the hub knows', () => {
    const env = Object.fromEntries(
      inLastStage('ENV').flatMap((text) =>
        text.split(/ +/).map((pair) => pair.split('=', 2) as [string, string]),
      ),
    );
    const result = readConfig({ env });
    expect(result).toMatchObject({
      kind: 'config',
      warnings: [],
      config: { host: '0.0.0.0', data: '/data' },
    });
    expect(Object.keys(env).join()).not.toMatch(/TOKEN|SECRET|AUTH/);
  });
});

describe('the compose file', () => {
  const { services, networks, secrets } = parse(read('deploy/compose.yaml'));
  const settings = parse(read('deploy/ringhub.yaml'));

  it('starts the hub with settings that are valid, and safe where it listens', () => {
    const result = readConfig({ file: { name: 'ringhub.yaml', text: read('deploy/ringhub.yaml') } });
    if (result.kind === 'faults') throw new Error(result.faults.join('\n'));
    const { host, dev, proxy, http } = result.config;
    expect(
      exposureFaults({
        host,
        dev,
        tls: false,
        trustedProxies: proxy.trusted,
        allowPlaintext: http.allowPlaintext,
        publicMetrics: false,
      }),
    ).toEqual([]);
    expect(settings.proxy.trusted).toEqual([networks.inside.ipam.config[0].subnet]);
    const { source, target } = services.ringhub.secrets[0];
    expect(settings.auth.tokens[0].tokenFile).toBe(`/run/secrets/${target}`);
    expect(secrets[source].file).toBe('./app.token');
  });

  it('lets nobody reach the hub but through the proxy, and takes every right away that it does not need', () => {
    expect(services.ringhub.ports).toBeUndefined();
    expect(services.ringhub).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(services.ringhub.volumes).toContain('data:/data');
    expect(services.caddy.depends_on.ringhub.condition).toBe('service_healthy');
    expect(existsSync(join(root, 'deploy', services.ringhub.volumes[1].split(':')[0]))).toBe(true);
  });

  it('leaves the hub time to end in order', () => {
    const result = readConfig({});
    const deadlineMs = result.kind === 'config' ? result.config.shutdown.deadlineMs : Number.NaN;
    expect(Number.parseInt(services.ringhub.stop_grace_period, 10) * 1000).toBeGreaterThan(deadlineMs);
  });
});

const hasSystemd = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;

describe('the systemd unit', () => {
  const text = read('deploy/ringhub.service');
  const settings = new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^([A-Z]\w+)=(.*)$/.exec(line) ?? [];
      return name ? [[name, value ?? ''] as const] : [];
    }),
  );

  it('runs as a user of its own, with hardly a right', () => {
    expect(settings.get('User')).toBe('ringhub');
    for (const name of [
      'NoNewPrivileges',
      'ProtectHome',
      'PrivateTmp',
      'PrivateDevices',
      'RestrictNamespaces',
    ])
      expect(settings.get(name), name).toBe('yes');
    expect(settings.get('ProtectSystem')).toBe('strict');
    expect(settings.get('CapabilityBoundingSet')).toBe('');
    expect(Number(settings.get('LimitNOFILE'))).toBeGreaterThan(20_200);
    expect(Number(settings.get('TimeoutStopSec'))).toBeGreaterThan(10);
  });

  it('starts what is built here, and does not repeat what cannot get better', () => {
    expect(settings.get('ExecStart')).toContain('/server/dist/main.js serve --config ');
    expect(settings.get('RestartPreventExitStatus')).toBe('2 65');
    expect(settings.get('ExecReload')).toContain('-HUP');
  });

  it.skipIf(!hasSystemd)('is understood by systemd (left out where there is no systemd-analyze)', () => {
    const unit = join(folder, 'ringhub.service');
    writeFileSync(unit, text.replace('/usr/bin/node', process.execPath));
    const said = execFileSync('systemd-analyze', ['verify', '--man=no', unit], { stdio: 'pipe' });
    expect(said.toString()).toBe('');
  });
});

describe('the health check', () => {
  const healthy = async (env: Record<string, string>): Promise<number> => {
    const program = join(root, 'deploy/healthcheck.mjs');
    try {
      await promisify(execFile)(process.execPath, [program], { env: { ...env } });
      return 0;
    } catch (error) {
      return (error as { code: number }).code;
    }
  };

  it('finds a hub alive, by TLS, too, and one that is gone', async () => {
    const { cert, key } = makeCertificate();
    const [certFile, keyFile] = [join(folder, 'crt'), join(folder, 'key')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    const [plain, secure] = await Promise.all([
      startHub({ transport: 'ws' }),
      startHub({ transport: 'ws', tls: { certFile, keyFile } }),
    ]);
    expect(await healthy({ RINGHUB_PORT: String(plain.port) })).toBe(0);
    expect(await healthy({ RINGHUB_PORT: String(secure.port), RINGHUB_TLS__CERT_FILE: certFile })).toBe(0);
    await Promise.all([plain.close(), secure.close()]);
    expect(await healthy({ RINGHUB_PORT: String(plain.port) })).toBe(1);
  });
});
