/**
 * What `ringhub doctor` looks at, one finding each: this program's surroundings, its settings and files, a hub that runs.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { chooseCarrier } from '../carrier.ts';
import { type Config, readConfig } from '../config/read-config.ts';
import { NODE_LIMITS } from '../core/limits.ts';
import { readTls } from '../http/tls-files.ts';
import { lockDataFolder, storePath } from '../stores/data-folder.ts';
import { checkStore } from '../stores/store-check.ts';
import type { DoctorFlags } from './doctor.ts';
import { hubFindings } from './doctor-hub.ts';
import { exposureProblems, type Problems, secretProblems } from './setting-checks.ts';
import { configFileOf, settingsOfFlags } from './settings.ts';

export interface Finding {
  readonly state: 'fine' | 'odd' | 'bad';
  readonly what: string;
  /** What to do, where there is something to do. */
  readonly todo?: string;
}

const fine = (what: string): Finding => ({ state: 'fine', what });
const odd = (what: string, todo: string): Finding => ({ state: 'odd', what, todo });
const bad = (what: string, todo: string): Finding => ({ state: 'bad', what, todo });

const GIB = 1024 ** 3;
/** Files a hub has open besides its connections. */
const OTHER_FILES = 200;
/** No clock that is right shows an earlier time. */
const RELEASED_MS = Date.UTC(2026, 10, 1);
const DAY_MS = 24 * 3_600_000;

export async function* examine(flags: DoctorFlags): AsyncGenerator<Finding> {
  yield nodeVersion(process.versions.node);
  yield clock(Date.now());
  const read = readSettings(flags);
  if (read.kind === 'config') yield* ofSettings(read.config, read.warnings);
  else for (const fault of read.faults) yield bad(`settings: ${fault}`, '"ringhub config check" tells more');
  yield* hubFindings(flags);
}

async function* ofSettings(config: Config, warnings: readonly string[]): AsyncGenerator<Finding> {
  yield fine('settings: every one is known and has a value it may have');
  for (const warning of warnings)
    yield odd(`settings: ${warning}`, 'take it away if it was meant for the hub');
  yield* told('who may come in', 'credentials are there, strong and out of sight', secretProblems(config));
  yield* told('where it listens', `${config.host}:${config.port}`, exposureProblems(config));
  yield transport(config);
  if (config.tls) yield* tls(config.tls);
  yield openFiles(config.limits.maxConnections ?? NODE_LIMITS.maxConnections);
  const isRunning = yield* port(config);
  if (config.data === 'none')
    yield odd('data folder: none', 'set data to a folder if anything is to outlive the hub');
  else yield* dataFolder(resolve(config.data), isRunning);
}

function readSettings(flags: DoctorFlags) {
  const file = configFileOf(flags);
  if (file.kind === 'unreadable') return { kind: 'faults', faults: [file.why] } as const;
  return readConfig({
    env: process.env,
    flags: settingsOfFlags(flags),
    ...(file.kind === 'file' && { file }),
  });
}

function* told(name: string, good: string, { faults, warnings }: Problems): Generator<Finding> {
  for (const fault of faults) yield bad(`${name}: a hub would not start`, fault);
  for (const warning of warnings) yield odd(`${name}: it is less safe than it could be`, warning);
  if (faults.length === 0 && warnings.length === 0) yield fine(`${name}: ${good}`);
}

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return bad(`Node ${version}`, 'install Node 22 or later (20.19 at least)');
  return major < 22
    ? odd(`Node ${version}: it gets no security fixes any more`, 'install Node 22 or later')
    : fine(`Node ${version}`);
}

export const clock = (wallMs: number): Finding =>
  wallMs < RELEASED_MS
    ? bad(
        `clock: ${new Date(wallMs).toISOString()} is before this program was written`,
        'set the clock, and have NTP keep it: tokens and certificates end by it',
      )
    : fine('clock: it may be right');

function transport(config: Config): Finding {
  const { name, why } = chooseCarrier(config.transport);
  return name === 'none' ? bad('transport', why) : fine(`transport: ${name} (${why})`);
}

function* tls(settings: NonNullable<Config['tls']>): Generator<Finding> {
  const found = readTls(settings, Date.now());
  if (found.kind === 'unusable') {
    yield bad('TLS: a hub would not start', found.why);
    return;
  }
  const { names, expiresAtMs } = found.credentials;
  const days = Math.floor((expiresAtMs - Date.now()) / DAY_MS);
  for (const warning of found.warnings) yield odd('TLS: it works', warning);
  yield fine(`TLS: a certificate for ${names}, valid for ${days} more days`);
}

/** Node raises its own limit as far as it may at its start. */
export function openFiles(connections: number, limit = openFileLimit()): Finding {
  const needed = connections + OTHER_FILES;
  if (limit >= needed) return fine(`open files: ${Number.isFinite(limit) ? limit : 'no limit'}`);
  return odd(
    `open files: ${limit}, fewer than limits.maxConnections (${connections}) need`,
    `allow ${needed}: LimitNOFILE= in systemd, --ulimit nofile= in Docker, ulimit -n in a shell; or lower the limit`,
  );
}

function openFileLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : Number.POSITIVE_INFINITY;
}

/** Whether the port can be had, or a hub has it. */
async function* port({ host, port: wanted, tls }: Config): AsyncGenerator<Finding, boolean> {
  if (wanted === 0) {
    yield fine('port: any that is free');
    return false;
  }
  const trouble = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
    const server = createServer();
    server.once('error', done);
    server.listen(wanted, host, () => server.close(() => done(undefined)));
  });
  if (!trouble) {
    yield fine(`port: ${wanted} on ${host} is free`);
    return false;
  }
  if (trouble.code === 'EADDRINUSE') {
    yield odd(
      `port: ${wanted} on ${host} is in use, perhaps by the hub`,
      `try it with --url ${tls ? 'https' : 'http'}://127.0.0.1:${wanted}, or choose another port`,
    );
    return true;
  }
  yield bad(`port: ${wanted} on ${host} cannot be had (${trouble.code})`, 'choose another host or port');
  return false;
}

async function* dataFolder(folder: string, isRunning: boolean): AsyncGenerator<Finding> {
  if (process.platform === 'linux') yield await flockProgram();
  const there = existsSync(folder) ? folder : nearestFolder(folder);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    yield bad(
      `data folder: this user may not write to ${there}`,
      `give it to the user that runs the hub: chown ${there}`,
    );
    return;
  }
  const { bavail, bsize } = statfsSync(there);
  const freeGib = (bavail * bsize) / GIB;
  const space = `${freeGib.toFixed(1)} GiB free`;
  yield freeGib < 1
    ? bad(`data folder: ${space}`, 'make room: a hub ends when its disk is full')
    : fine(`data folder: ${there === folder ? folder : `${folder}, which will be made`}, ${space}`);
  if (there !== folder || !existsSync(storePath(folder))) return;
  yield permissions(folder);
  const lock = await lockDataFolder(folder);
  if (lock.kind === 'taken') {
    yield isRunning
      ? fine('store: in use by the hub that runs')
      : odd(
          'store: in use by a hub, but not on this port',
          'stop it, or give this hub a data folder of its own',
        );
    return;
  }
  if (lock.kind !== 'locked') {
    yield bad('store: it cannot be locked', lock.text);
    return;
  }
  const report = await checkStore(storePath(folder));
  lock.release();
  yield report.kind === 'sound'
    ? fine('store: its structure is sound')
    : bad(`store: ${report.fault}`, 'restore a backup into an empty folder: ringhub store restore');
}

function permissions(folder: string): Finding {
  const others = process.platform === 'win32' ? 0 : statSync(folder).mode & 0o007;
  return others === 0
    ? fine('data folder: out of other users’ sight')
    : odd('data folder: other users can look into it', `chmod 700 ${folder}`);
}

function nearestFolder(path: string): string {
  let at = dirname(path);
  while (!existsSync(at)) at = dirname(at);
  return at;
}

async function flockProgram(): Promise<Finding> {
  try {
    await promisify(execFile)('flock', ['--help']);
    return fine('flock: it is there');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? bad('flock: it is missing, and locks the data folder', 'install util-linux')
      : fine('flock: it is there');
  }
}
