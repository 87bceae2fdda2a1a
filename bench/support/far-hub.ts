/** Starts and asks the hub of `far-hub-process.ts`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { StartHubOptions } from '../../server/src/index.ts';

export class FarHub {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly token: string,
  ) {}

  static async start(options: StartHubOptions): Promise<FarHub> {
    const child = fork('scripts/run-ts.mjs', ['bench/support/far-hub-process.ts'], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, RINGHUB_OPTIONS: JSON.stringify(options) },
    });
    const [{ port, token }] = (await once(child, 'message')) as [{ port: number; token: string }];
    return new FarHub(child, port, token);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Once nothing is left to collect, in bytes: what is resident, and what of it JavaScript uses. */
  async memory(): Promise<{ readonly rss: number; readonly used: number }> {
    this.child.send('memory');
    const [memory] = (await once(this.child, 'message')) as [{ rss: number; used: number }];
    return memory;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}
