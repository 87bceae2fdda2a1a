/**
 * Keeps the shop's worker processes running: one for each service, started again when it dies, ended with this process
 * however that ends: each worker has a channel to it, and goes when that closes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SERVICES, type ServicePlan } from '../../shared/shop.ts';

export interface OrderWorkersLog {
  info(text: string): void;
  warn(text: string): void;
}

export interface OrderWorkersOptions {
  /** Where SDKs connect: `ws://host:port/v1/ws`. */
  readonly url: string;
  readonly token: string;
  /** Ends the workers. */
  readonly signal: AbortSignal;
  readonly log: OrderWorkersLog;
}

/** `scripts/build.mjs` puts it beside the hub. */
const PROGRAM = new URL('./order-worker.js', import.meta.url);
/** Between a death and the next start: long enough to be seen, doubled for one that does not live long. */
const MIN_RESTART_MS = 700;
const MAX_RESTART_MS = 15_000;
const LONG_LIFE_MS = 5_000;

/** Starts the workers and returns; says so in the log where they are not built. */
export function startOrderWorkers(options: OrderWorkersOptions): void {
  const program = fileURLToPath(PROGRAM);
  if (!existsSync(program)) {
    options.log.warn(`the orders demo has no workers: ${program} is not built`);
    return;
  }
  for (const plan of SERVICES) new KeptWorker(program, plan, options).start();
}

class KeptWorker {
  readonly #program: string;
  readonly #plan: ServicePlan;
  readonly #options: OrderWorkersOptions;
  #starts = 0;
  #restartMs = MIN_RESTART_MS;

  constructor(program: string, plan: ServicePlan, options: OrderWorkersOptions) {
    this.#program = program;
    this.#plan = plan;
    this.#options = options;
  }

  start(): void {
    const { url, token, signal, log } = this.#options;
    if (signal.aborted) return;
    this.#starts += 1;
    const startedMs = performance.now();
    const child = fork(this.#program, [this.#plan.name, url, String(this.#starts)], {
      // Not on the command line, where everybody on this machine could read it.
      env: { ...process.env, RINGHUB_TOKEN: token },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const end = () => stop(child);
    signal.addEventListener('abort', end, { once: true });
    let isOver = false;
    const ended = (how: string) => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', end);
      if (signal.aborted) return;
      const isShort = performance.now() - startedMs < LONG_LIFE_MS;
      const waitMs = isShort ? this.#restartMs : MIN_RESTART_MS;
      this.#restartMs = Math.min(MAX_RESTART_MS, waitMs * 2);
      log.warn(`the ${this.#plan.name} worker (pid ${child.pid}) ended (${how}): again in ${waitMs} ms`);
      setTimeout(() => this.start(), waitMs).unref();
    };
    child.on('exit', (code, killedBy) => ended(killedBy ?? `exit code ${code}`));
    child.on('error', (error) => ended(error.message));
    log.info(`the ${this.#plan.name} worker runs as pid ${child.pid}`);
  }
}

/** A closed channel tells it to go; what it has in hand goes back to its queue. */
function stop(child: ChildProcess): void {
  if (child.connected) child.disconnect();
  else child.kill();
}
