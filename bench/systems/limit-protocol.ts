/**
 * What the raw limits speak: as little as can be. A client's message: its kind, one byte; of a publish the key's length, one
 * byte, and the key; then the pattern or the message. What is delivered is the publish as it came.
 */
export const KIND = { subscribe: 1, publish: 2, ack: 3 } as const;

const HEAD_BYTES = 2;

export const subscribeTo = (pattern: string): Buffer =>
  Buffer.concat([Buffer.from([KIND.subscribe]), Buffer.from(pattern)]);

export const publishOf = (key: string, message: string): Buffer =>
  Buffer.concat([Buffer.from([KIND.publish, key.length]), Buffer.from(key), Buffer.from(message)]);

export const keyOf = (publish: Buffer): string =>
  publish.toString('latin1', HEAD_BYTES, HEAD_BYTES + publish[1]!);

export const ACK = Buffer.from([KIND.ack]);
