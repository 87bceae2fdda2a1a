/**
 * A lock on a data folder, held as long as this process lives: two hubs on one store would each confirm what the
 * other overwrites.
 *
 * It is a lock of the system's on an open file, so it ends with the process, however that ends, and holds between
 * containers that share a folder, too. Node has no call for it on Linux: `flock` (util-linux, busybox) locks the file
 * this process has open, and the lock stays with the open file. macOS and Windows lock when opening.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

export type LockResult =
  | { readonly kind: 'locked'; release(): void }
  | { readonly kind: 'taken' }
  | { readonly kind: 'unavailable'; readonly text: string };

/** O_EXLOCK of macOS with O_NONBLOCK; UV_FS_O_EXLOCK of Windows, where an open file is no other's. */
const LOCKING_OPEN: Partial<Record<NodeJS.Platform, number>> = { darwin: 0x20 | 0x4, win32: 0x1000_0000 };

/** @param path a file that is made if it is not there, and stays */
export async function lockFile(path: string): Promise<LockResult> {
  const locking = LOCKING_OPEN[process.platform] ?? 0;
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | locking, 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isTaken = locking !== 0 && ['EAGAIN', 'EWOULDBLOCK', 'EBUSY', 'EPERM'].includes(code ?? '');
    return isTaken ? { kind: 'taken' } : { kind: 'unavailable', text: message };
  }
  const release = () => closeSync(descriptor);
  if (locking !== 0) return { kind: 'locked', release };
  const result = await flock(descriptor);
  if (result === 0) return { kind: 'locked', release };
  release();
  if (result === 1) return { kind: 'taken' };
  return { kind: 'unavailable', text: typeof result === 'string' ? result : `flock exited with ${result}` };
}

/** The exit code, where 1 is "taken"; or why there is none. */
function flock(descriptor: number): Promise<number | string> {
  return new Promise((resolve) => {
    const child = spawn('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ENOENT'
          ? 'the program flock is missing, which locks it: install util-linux'
          : error.message,
      ),
    );
    child.on('close', (code, signal) => resolve(code ?? `flock was killed by ${signal}`));
  });
}
