/** The command as people run it: a process, its words, its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ERRORS, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Client } from '../contract/transport-suite.ts';
import { transportsHere } from '../contract/uws-here.ts';
import { bundleProgram } from './support/program-bundle.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'ringhub-cli-'));
/** Inside the server's folder, so that Node finds its dependencies. */
const bundle = join(root, `server/node_modules/.cache/cli-serve-${process.pid}`);
let program: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  program = await bundleProgram(join(root, 'server/src/main.ts'), bundle);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(bundle, { recursive: true, force: true });
});

class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = '';
  err = '';

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [program, ...args], {
      // Where its default data folder harms nobody.
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(this.child);
    this.child.stdout?.on('data', (chunk) => {
      this.out += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.err += chunk;
    });
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Waits for words on stdout or stderr. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`it ended without ${pattern}: ${this.out}${this.err}`);
      await Promise.race([
        once(this.child.stdout as NodeJS.ReadableStream, 'data'),
        once(this.child.stderr as NodeJS.ReadableStream, 'data'),
        this.ended,
      ]);
    }
  }
}

const configFile = (text: string): string => {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, text);
  return path;
};

describe('ringhub serve --dev', () => {
  const dev = ['serve', '--dev', '--no-demo', '--port', '0'];

  it('says where to look, and its lines work as they stand', async () => {
    const command = new Command(dev, { RINGHUB_TOKEN: "it's-$mine" });
    const [, url] = await command.says(/is at (http:\/\/127\.0\.0\.1:\d+)\//);
    const [, curl] = await command.says(/Publish +(curl .*)/);
    const [, hello] = await command.says(/(\["hello",.*\])/);
    const [, subscribe] = await command.says(/(\["subscribe",.*\])/);
    const client = new Client(new WebSocket(`${url}/v1/ws`.replace('http', 'ws'), SUBPROTOCOL_JSON));
    await client.opened;
    client.peer.send(hello as string);
    client.peer.send(subscribe as string);
    while (!client.messages.join('\n').includes('["ok",1,'))
      await client.received(client.messages.length + 1);
    const published = spawn('sh', ['-c', curl as string]);
    await once(published, 'close');
    while (!client.messages.join('\n').includes('"hello"')) await client.received(client.messages.length + 1);
    expect(command.out).toContain(`${url}/demo/dashboard/`);
  });

  it('ends in good order on SIGTERM', async () => {
    const command = new Command([...dev, '--log-level', 'info']);
    await command.says(/is at http/);
    command.child.kill('SIGTERM');
    expect(await command.ended).toBe(0);
    expect(command.err).toContain('"msg":"closed"');
  });

  it.each(transportsHere)('carries everything over %s if asked to, and says so', async (transport) => {
    const command = new Command([...dev, '--transport', transport, '--log-level', 'info']);
    const [, url] = await command.says(/is at (http:\/\/127\.0\.0\.1:\d+)\//);
    await command.says(new RegExp(`"transport":"${transport}","why":"[^"]*asked for"`));
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const client = new Client(new WebSocket(`${url}/v1/ws`.replace('http', 'ws'), SUBPROTOCOL_JSON));
    expect(await client.opened).toBe(true);
    command.child.kill('SIGTERM');
    expect((await client.closed).code).toBe(ERRORS.draining.code);
    expect(await command.ended).toBe(0);
  });

  it('ends at once on a second signal', async () => {
    const command = new Command(dev, { RINGHUB_SHUTDOWN__DRAIN_GRACE_MS: '60000', RINGHUB_TOKEN: 'token' });
    const [, address] = await command.says(/is at http:(\/\/127\.0\.0\.1:\d+)\//);
    // A client that never acknowledges keeps the shutdown waiting.
    const client = new Client(new WebSocket(`ws:${address}/v1/ws`, SUBPROTOCOL_JSON));
    await client.opened;
    client.peer.send('["hello",{"version":1,"token":"token"}]');
    client.peer.send('["subscribe",1,{"bindings":[["amq.topic","#"]]}]\n["publish",1,"amq.topic","a","x"]');
    while (!client.messages.join('').includes('"deliver"')) await client.received(client.messages.length + 1);
    command.child.kill('SIGINT');
    await command.says(/a second signal ends at once/);
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(1);
  });

  it('runs the demo feeder, as a client like any other', async () => {
    const command = new Command(['serve', '--dev', '--port', '0'], { RINGHUB_TOKEN: 'token' });
    const [, url] = await command.says(/is at (http:\/\/127\.0\.0\.1:\d+)\//);
    await command.says(/feeding /);
    const answer = await fetch(`${url}/v1/stats`, { headers: { Authorization: 'Bearer token' } });
    expect(await answer.json()).toMatchObject({ connections: 1, exchanges: 7 });
    command.child.kill('SIGTERM');
    expect(await command.ended).toBe(0);
  });

  it.each([
    ['on another address', ['--host', '0.0.0.0'], {}, /--dev is for this machine only/],
    [
      'beside configured tokens',
      [],
      {
        RINGHUB_AUTH__TOKENS: '[{"token":"a-token-of-thirty-two-characters","subject":"a","role":"server"}]',
      },
      /exclude each other/,
    ],
    ['with a token that no header can carry', [], { RINGHUB_TOKEN: 'two words' }, /RINGHUB_TOKEN must be/],
  ])('does not start %s', async (_, args, env, text) => {
    const command = new Command([...dev, ...args], env as Record<string, string>);
    expect(await command.ended).toBe(2);
    expect(command.err).toMatch(text);
  });
});

describe('ringhub serve', () => {
  it('without a secret does not start, and says what to do', async () => {
    const command = new Command(['serve', '--port', '0']);
    expect(await command.ended).toBe(2);
    expect(command.err).toContain('ringhub serve --dev');
    expect(command.err).toContain('RINGHUB_AUTH__TOKENS');
    expect(command.out).toBe('');
  });

  it('with a port in use says so in one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const command = new Command(['serve', '--dev', '--port', String(port), '--log-level', 'silent']);
    expect(await command.ended).toBe(1);
    expect(command.err).toMatch(
      new RegExp(`^ringhub: port ${port} on 127\\.0\\.0\\.1 is in use: .*--port.*\\n$`),
    );
    other.close();
  });

  it.each([
    ['an unknown setting', () => ['--config', configFile('prot: 1')], /prot: there is no such setting/],
    ['a file that is not there', () => ['--config', join(folder, 'nothing')], /cannot read the config file/],
    ['a port that is none', () => ['--dev', '--port', 'eighty'], /port: /],
    ['an unknown flag', () => ['--prot', '1'], /unknown option '--prot'/],
    [
      'a weak token',
      () => ['--config', configFile('auth: { tokens: [{ token: short, subject: a, role: server }] }')],
      /at least 32/,
    ],
  ])('with %s does not start', async (_, args, text) => {
    const command = new Command(['serve', ...args()]);
    expect(await command.ended).toBe(2);
    expect(command.err).toMatch(text);
  });

  it('with a config file lets in who has its token, and shows nobody the token', async () => {
    const token = 'a-token-of-thirty-two-characters';
    const file = configFile(`port: 0\nauth: { tokens: [{ token: ${token}, subject: app, role: server }] }`);
    const command = new Command(['serve'], { RINGHUB_CONFIG: file });
    const [, address] = await command.says(/listens at ws:(\/\/127\.0\.0\.1:\d+)\//);
    const answer = await fetch(`http:${address}/v1/publish?key=a`, {
      method: 'POST',
      body: 'x',
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
    expect(command.out + command.err).not.toContain(token);
  });

  it('teaches by examples', async () => {
    const command = new Command(['serve', '--help']);
    expect(await command.ended).toBe(0);
    expect(command.out).toContain('ringhub serve --dev');
    expect(command.out).toContain('tokenFile');
  });
});

describe('ringhub config', () => {
  it('shows all settings in force but no secret', async () => {
    const file = configFile(
      'port: 1\nauth: { tokens: [{ token: a-token-of-thirty-two-characters, subject: app, role: server }] }',
    );
    const command = new Command(['config', '--config', file, '--port', '2']);
    expect(await command.ended).toBe(0);
    expect(command.out).toContain('port: 2\n');
    expect(command.out).toContain('maxConnections: 20000\n');
    expect(command.out).toContain('maxAgeMs: 3600000\n');
    expect(command.out).not.toContain('thirty-two');
  });
});
