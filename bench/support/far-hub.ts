/** Starts and asks a hub in a process of its own: that of `far-hub-process.ts`, or one with more to say. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { SessionLimits } from '../../server/src/core/limits.ts';
import type { StartHubOptions } from '../../server/src/index.ts';

/** What can be told as JSON. */
export interface FarHubOptions extends Omit<StartHubOptions, 'roleLimits'> {
  readonly roleLimits?: readonly (readonly [role: string, Partial<SessionLimits>])[];
}

export interface FarHubProgram {
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class FarHub {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly token: string,
  ) {}

  static async start(
    options: FarHubOptions,
    { program = 'bench/support/far-hub-process.ts', env = {} }: FarHubProgram = {},
  ): Promise<FarHub> {
    const child = fork('scripts/run-ts.mjs', [program], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...env, RINGHUB_OPTIONS: JSON.stringify(options) },
    });
    const [{ port, token }] = (await once(child, 'message')) as [{ port: number; token: string }];
    return new FarHub(child, port, token);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Once nothing is left to collect, in bytes: what is resident, and what of it JavaScript uses. */
  memory(): Promise<{ readonly rss: number; readonly used: number }> {
    return this.ask('memory');
  }

  /** One question at a time. */
  async ask<T>(question: string): Promise<T> {
    this.child.send(question);
    const [answer] = (await once(this.child, 'message')) as [T];
    return answer;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}
