/**
 * Frames as bytes, `ringhub.v1.bin` (PROTOCOL §19): what `@ringhub/client` speaks. Apart from the core, so that pages without it need
 * not load it.
 */
import {
  ByteWriter,
  decodeServerMessageBinary,
  FRAME,
  patchPublish,
  type ServerFrame,
  ShortTexts,
  SUBPROTOCOL_BINARY,
  writePublish,
} from '@ringhub/protocol';
import type { ClientCodec, Wire } from './codec.ts';
import type { WebSocketConstructor, WebSocketLike } from './environment.ts';
import type { ClientLine } from './line.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The codec of binary frames; each client needs one of its own. Payloads of bytes travel as they are, and hub and page
 * spend less on every delivery, or the same.
 *
 * ```ts
 * import { connect } from '@ringhub/client/core';
 * import { BinaryCodec } from '@ringhub/client/binary';
 * const hub = await connect(url, { token, codec: new BinaryCodec() });
 * await hub.publish('amq.topic', 'camera.1', new Uint8Array([1, 2, 3]));
 * await hub.close();
 * ```
 */
export class BinaryCodec implements ClientCodec {
  readonly #writer = new ByteWriter();
  readonly #texts = new ShortTexts();

  open(WebSocket: WebSocketConstructor, url: string): WebSocketLike {
    const socket = new WebSocket(url, [SUBPROTOCOL_BINARY]);
    socket.binaryType = 'arraybuffer';
    return socket;
  }

  encode(line: ClientLine): Wire {
    const writer = this.#writer;
    writer.reset();
    if (line[0] === 'publish') {
      const [type, seq, exchange, key, payload, properties = {}] = line;
      const start = writer.begin(FRAME.publish);
      writePublish(writer, { type, seq, exchange, key, payload, properties });
      writer.end(start);
    } else {
      // Whatever is said seldom may stay JSON in a binary frame.
      const start = writer.begin(FRAME.json);
      writer.utf8(JSON.stringify(line));
      writer.end(start);
    }
    return writer.slice();
  }

  number(publish: Wire, seq: number): Wire {
    patchPublish(publish as Bytes, seq);
    return publish;
  }

  join(frames: readonly Wire[]): Wire {
    this.#writer.reset();
    for (const frame of frames) this.#writer.raw(frame as Bytes);
    return this.#writer.slice();
  }

  decode(message: unknown): readonly ServerFrame[] | undefined {
    return message instanceof ArrayBuffer
      ? decodeServerMessageBinary(new Uint8Array(message), this.#texts)
      : undefined;
  }
}
