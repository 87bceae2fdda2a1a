/** Which codec clients have that name none: the one that costs least (decision 0012). */
import { BinaryCodec } from './binary.ts';
import type { ConnectOptions } from './connect.ts';

/** A codec of its own for each client whose options name none. */
export const binaryByDefault = (options: ConnectOptions = {}): ConnectOptions => ({
  ...options,
  codec: options.codec ?? new BinaryCodec(),
});
