/**
 * The public surface of the Ringhub client: that of `core.ts`, and binary frames (decision 0012).
 */
import { type ConnectOptions, connect as connectWith } from './connect.ts';
import { binaryByDefault } from './default-codec.ts';
import type { Hub } from './hub.ts';

export { BinaryCodec } from './binary.ts';
export { jsonCodec } from './codec-json.ts';
export * from './core.ts';

/**
 * Connects to a hub, and stays connected until `close`: reconnects with full jitter, at once when the page wakes
 * up, and resumes its session. Resolves with the first welcome. Rejects only where trying again is no use
 * (`unauthorized`, `unsupported-version`, …; PROTOCOL §14) or when aborted.
 *
 * ```ts
 * import { connect, jsonCodec } from '@ringhub/client';
 * // Binary frames; text that a browser's tools show is to be asked for.
 * const hub = await connect(url, { token, codec: jsonCodec });
 * await hub.close();
 * ```
 *
 * @param url `ws:`, `wss:`, `http:` or `https:`; in pages also relative. Without a path: `/v1/ws`.
 */
export const connect = <Messages extends object = Record<string, unknown>>(
  url: string | URL,
  options?: ConnectOptions,
): Promise<Hub<Messages>> => connectWith(url, binaryByDefault(options));
