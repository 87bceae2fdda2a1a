/**
 * What a publisher of one message after the other writes and reads, in either codec: one WebSocket frame that is written again and
 * again, in which only the number is another, and the hub's answer to it. Frames are masked, as clients must, with a mask of zeros:
 * the bytes stay as they are.
 */
import {
  ByteWriter,
  encodeClientFrame,
  FRAME,
  type Hello,
  patchPublish,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
  writeClientFrame,
} from '@ringhub/protocol';
import type { CodecName } from './codecs.ts';

export type Answer = 'confirmed' | 'refused' | undefined;

export interface PublishFrames {
  readonly subprotocol: string;
  hello(token: string): Buffer;
  /** The frame of the publish with this number: the same bytes each time, changed. */
  numbered(seq: number): Buffer;
  /** What the hub says to a publish in bytes that were read: it is small enough to come at once. */
  answerIn(bytes: Buffer, length: number): Answer;
}

const OPCODE = { text: 0x81, binary: 0x82 } as const;
const FRAME_HEAD_BYTES = 5;

export const publishFrames = (codec: CodecName, exchange: string, payload: string): PublishFrames =>
  codec === 'json' ? new JsonFrames(exchange, payload) : new BinaryFrames(exchange, payload);

function webSocketFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? [opcode, 0x80 | length] : [opcode, 0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

const helloOf = (token: string): Hello & { type: 'hello' } => ({ type: 'hello', version: 1, token });

class JsonFrames implements PublishFrames {
  readonly subprotocol = SUBPROTOCOL_JSON;
  /** Room for a number: JSON lets spaces stand before it. */
  private static readonly DIGITS = 10;
  private readonly frame: Buffer;
  private readonly lastDigitAt: number;

  constructor(exchange: string, payload: string) {
    const head = '["publish",';
    const text = `${head}${' '.repeat(JsonFrames.DIGITS)},"${exchange}","a.b","${payload}"]`;
    this.frame = webSocketFrame(OPCODE.text, Buffer.from(text));
    this.lastDigitAt = this.frame.length - text.length + head.length + JsonFrames.DIGITS - 1;
  }

  hello(token: string): Buffer {
    return webSocketFrame(OPCODE.text, Buffer.from(encodeClientFrame(helloOf(token))));
  }

  numbered(seq: number): Buffer {
    let at = this.lastDigitAt;
    for (let rest = seq; rest > 0; rest = Math.floor(rest / 10)) this.frame[at--] = 48 + (rest % 10);
    return this.frame;
  }

  answerIn(bytes: Buffer, length: number): Answer {
    const text = bytes.toString('latin1', 0, length);
    return text.includes('"confirm"') ? 'confirmed' : text.includes('"refused"') ? 'refused' : undefined;
  }
}

class BinaryFrames implements PublishFrames {
  readonly subprotocol = SUBPROTOCOL_BINARY;
  private readonly frame: Buffer;
  private readonly body: Buffer;

  constructor(exchange: string, payload: string) {
    const publish = encoded({ type: 'publish', seq: 0, exchange, key: 'a.b', payload, properties: {} });
    this.frame = webSocketFrame(OPCODE.binary, publish);
    this.body = this.frame.subarray(this.frame.length - publish.length);
  }

  hello(token: string): Buffer {
    return webSocketFrame(OPCODE.binary, encoded(helloOf(token)));
  }

  numbered(seq: number): Buffer {
    patchPublish(this.body, seq);
    return this.frame;
  }

  answerIn(bytes: Buffer, length: number): Answer {
    for (let at = 0; at < length; ) {
      const size = bytes[at + 1]! & 127;
      const from = at + (size < 126 ? 2 : 4);
      const end = from + (size < 126 ? size : bytes.readUInt16BE(at + 2));
      for (let frameAt = from; frameAt < end; ) {
        const kind = bytes[frameAt];
        const next = frameAt + FRAME_HEAD_BYTES + bytes.readUInt32BE(frameAt + 1);
        if (kind === FRAME.confirm) return 'confirmed';
        if (kind === FRAME.json && bytes.includes('["refused"', frameAt) && next <= end) return 'refused';
        frameAt = next;
      }
      at = end;
    }
    return undefined;
  }
}

function encoded(frame: Parameters<typeof writeClientFrame>[1]): Buffer {
  const writer = new ByteWriter();
  writeClientFrame(writer, frame);
  return Buffer.from(writer.slice());
}
