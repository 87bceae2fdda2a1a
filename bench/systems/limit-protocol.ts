/**
 * What the raw limits speak: as little as can be. A client's message: its kind, one byte; of a publish the key's length, one
 * byte, and the key; then the pattern or the message. What is delivered is the publish as it came. A batch, which is answered
 * and reaches nobody: how many messages, four bytes, then each behind its length of four bytes; answered by its kind and how many.
 */
export const KIND = { subscribe: 1, publish: 2, ack: 3, batch: 4 } as const;

const HEAD_BYTES = 2;

export const subscribeTo = (pattern: string): Buffer =>
  Buffer.concat([Buffer.from([KIND.subscribe]), Buffer.from(pattern)]);

export const publishOf = (key: string, message: string): Buffer =>
  Buffer.concat([Buffer.from([KIND.publish, key.length]), Buffer.from(key), Buffer.from(message)]);

export const keyOf = (publish: Buffer): string =>
  publish.toString('latin1', HEAD_BYTES, HEAD_BYTES + publish[1]!);

export const ACK = Buffer.from([KIND.ack]);

const COUNT_BYTES = 4;
const ANSWER_BYTES = 1 + COUNT_BYTES;

export function batchOf(message: string, count: number): Buffer {
  const size = COUNT_BYTES + message.length;
  const batch = Buffer.allocUnsafe(ANSWER_BYTES + count * size);
  batch[0] = KIND.batch;
  batch.writeUInt32BE(count, 1);
  for (let i = 0, at = ANSWER_BYTES; i < count; i++, at += size) {
    batch.writeUInt32BE(message.length, at);
    batch.write(message, at + COUNT_BYTES, 'latin1');
  }
  return batch;
}

/** Reads through a batch, as any server has to, and answers how many messages were in it. */
export function answerBatch(batch: Buffer): Buffer {
  let count = 0;
  for (let at = ANSWER_BYTES; at < batch.length; count++) at += COUNT_BYTES + batch.readUInt32BE(at);
  const answer = Buffer.allocUnsafe(ANSWER_BYTES);
  answer[0] = KIND.batch;
  answer.writeUInt32BE(count, 1);
  return answer;
}
