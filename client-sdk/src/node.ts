/**
 * The client for Node: as everywhere, but where Node has no WebSocket (before 22) it takes the package `ws`, if
 * that is installed. Chosen by the `node` condition of package.json.
 */
import { type ConnectOptions, connect as connectWith } from './connect.ts';
import { binaryByDefault } from './default-codec.ts';
import type { WebSocketConstructor } from './environment.ts';
import type { Hub } from './hub.ts';

export * from './index.ts';

/** As the `connect` of browsers; without a global WebSocket it uses the package `ws`. */
export const connect = <Messages extends object = Record<string, unknown>>(
  url: string | URL,
  options?: ConnectOptions,
): Promise<Hub<Messages>> => connectWith(url, binaryByDefault(options), loadWs);

async function loadWs(): Promise<WebSocketConstructor> {
  try {
    // The cast hides the package's types, which a browser project has not; bundlers see the name.
    return (await import('ws' as string)).WebSocket;
  } catch (cause) {
    throw new Error('no WebSocket here: npm install ws, or pass options.WebSocket', { cause });
  }
}
