/**
 * A RabbitMQ of our own: Debian's `rabbitmq-server` on free loopback ports, with its own data folder, node name and epmd, for as
 * long as it is needed. Nothing of it is left behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRabbitmq } from '../../scripts/rabbitmq.mjs';
import { freePorts } from './free-ports.ts';
import { listening } from './listening.ts';

const START_WITHIN_MS = 120_000;
const SAID_BYTES = 16_384;

export interface RabbitmqSettings {
  readonly plugins?: readonly string[];
  /** Lines of rabbitmq.conf. */
  readonly config?: string;
  /** Changes the command line of the broker, as to where it runs. */
  readonly command?: (line: readonly string[]) => readonly string[];
}

export class RabbitmqServer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringhub-rabbitmq-'));
  private readonly children: ChildProcess[] = [];
  private broker: ChildProcess | undefined;
  private said = '';

  private constructor(
    readonly port: number,
    private readonly settings: RabbitmqSettings,
  ) {}

  /** Of the broker itself. */
  get pid(): number {
    return this.broker!.pid!;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  /** Resolves when it takes connections. */
  static async start(settings: RabbitmqSettings = {}): Promise<RabbitmqServer> {
    const program = findRabbitmq();
    if (!program) throw new Error('no RabbitMQ found: install rabbitmq-server, or set RABBITMQ_SERVER');
    const [port, distPort, epmdPort] = (await freePorts(3)) as [number, number, number];
    const server = new RabbitmqServer(port, settings);
    try {
      await server.run(program, distPort, epmdPort);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map(killed));
    process.off('exit', this.endAtOnce);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Whoever started it ends before it was stopped. */
  private readonly endAtOnce = (): void => {
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };

  private async run(program: string, distPort: number, epmdPort: number): Promise<void> {
    process.on('exit', this.endAtOnce);
    const env = this.environment(distPort, epmdPort);
    this.spawn('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], env);
    // A broker that finds none would leave one of its own behind, and must not.
    await listening(epmdPort, START_WITHIN_MS);
    const [command, ...args] = this.settings.command?.([program, '-noinput']) ?? [program, '-noinput'];
    const broker = this.spawn(command!, args, env);
    this.broker = broker;
    let isUp = false;
    const up = new Promise<void>((resolve, reject) => {
      broker.stdout!.on('data', () => {
        if (isUp || !this.said.includes('Server startup complete')) return;
        isUp = true;
        resolve();
      });
      broker.on('exit', (code) => reject(new Error(`RabbitMQ ended with ${code}: ${this.said}`)));
      setTimeout(() => reject(new Error(`RabbitMQ does not start: ${this.said}`)), START_WITHIN_MS).unref();
    });
    await up;
  }

  /** Its own data folder also holds its cookie, and its settings are none but these. */
  private environment(distPort: number, epmdPort: number): NodeJS.ProcessEnv {
    const at = (name: string): string => join(this.folder, name);
    mkdirSync(at('home'));
    const { config = '', plugins = [] } = this.settings;
    writeFileSync(at('rabbitmq.conf'), config);
    writeFileSync(at('rabbitmq-env.conf'), '');
    writeFileSync(at('enabled_plugins'), `[${plugins.join(',')}].`);
    // No program of its own to look names up with: one less to end.
    writeFileSync(at('inetrc'), '{lookup, [file]}.\n{host, {127,0,0,1}, ["localhost"]}.\n');
    return {
      PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`,
      LANG: 'C.UTF-8',
      HOME: at('home'),
      ERL_CRASH_DUMP_BYTES: '0',
      ERL_INETRC: at('inetrc'),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(epmdPort),
      // Without, a shell stands between: it would have to be ended, too.
      RABBITMQ_ALLOW_INPUT: 'true',
      RABBITMQ_NODENAME: `ringhub-${process.pid}-${this.port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(this.port),
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: at('mnesia'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: at('advanced.config'),
      RABBITMQ_CONF_ENV_FILE: at('rabbitmq-env.conf'),
      RABBITMQ_GENERATED_CONFIG_DIR: at('config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
      RABBITMQ_PLUGINS_EXPAND_DIR: at('plugins'),
      RABBITMQ_FEATURE_FLAGS_FILE: at('feature_flags'),
      RABBITMQ_PID_FILE: at('pid'),
      // One scheduler that does not spin: others use the machine, too, and what happens in it has fewer orders to happen in.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
    };
  }

  private spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(program, args, { env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.push(child);
    const note = (text: unknown) => {
      this.said = `${this.said}${text}`.slice(-SAID_BYTES);
    };
    child.stdout!.on('data', note);
    child.stderr!.on('data', note);
    child.on('error', note);
    return child;
  }
}

/** What it keeps is thrown away: it need not end in good order. Its port programs end as their pipe does. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}
