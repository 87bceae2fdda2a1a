/** Waits for a server that does not say when it can be reached. */
import { connect } from 'node:net';

const RETRY_MS = 20;

/**
 * Resolves once a port of the loopback takes connections.
 *
 * @param goesOn whether it is still worth waiting
 */
export async function listening(
  port: number,
  deadlineMs: number,
  goesOn: () => boolean = () => true,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await takesConnections(port))) {
    if (!goesOn() || performance.now() - startedMs > deadlineMs)
      throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
