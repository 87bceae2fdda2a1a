/**
 * A fault put into the system calls of a running process's threads, by strace; its main thread is left alone, so that the
 * event loop is as it would be on a machine with such a disk.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

export class ThreadFault {
  private constructor(
    private readonly child: ChildProcess,
    private readonly ended: Promise<unknown>,
  ) {}

  /** @param inject as strace has it: `fdatasync:error=EIO` */
  static async put(pid: number, inject: string): Promise<ThreadFault> {
    const threads = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
    const trace = ['-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`];
    const child = spawn(
      'strace',
      [...trace, '-o', '/dev/null', ...threads.flatMap((thread) => ['-p', thread])],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const fault = new ThreadFault(child, once(child, 'close'));
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (text) => {
        said += text;
        if (said.split(' attached').length > threads.length) resolve();
      });
      child.on('error', reject);
      child.on('close', () => reject(new Error(`strace could not be attached: ${said}`)));
    });
    return fault;
  }

  async remove(): Promise<void> {
    this.child.kill('SIGINT');
    await this.ended;
  }
}
