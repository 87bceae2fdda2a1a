/** WebSocket frames byte by byte: made as no client library would, and read as strictly as RFC 6455 §5 allows. */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7; RSV1 is 4. */
  readonly reserved?: number;
  /** Four bytes, or `none` for a frame without a mask. */
  readonly mask?: readonly number[] | 'none';
  /** Bytes that the length takes after the first: the fewest that do, by default. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** A length other than that of the payload. */
  readonly declaredBytes?: bigint;
}

const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** A frame as a client sends it. */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, mask = MASK } = options;
  const data = Buffer.from(payload as Uint8Array);
  const masked = mask !== 'none';
  const head = [
    Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]),
    lengthField(options.declaredBytes ?? BigInt(data.length), masked, options.lengthBytes),
  ];
  if (!masked) return Buffer.concat([...head, data]);
  return Buffer.concat([...head, Buffer.from(mask), data.map((byte, i) => byte ^ mask[i % 4]!)]);
}

function lengthField(length: bigint, masked: boolean, bytes?: 0 | 2 | 8): Buffer {
  const bit = masked ? 0x80 : 0;
  const size = bytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  if (size === 0) return Buffer.from([bit | Number(length)]);
  const field = Buffer.alloc(1 + size);
  field[0] = bit | (size === 2 ? 126 : 127);
  if (size === 2) field.writeUInt16BE(Number(length), 1);
  else field.writeBigUInt64BE(BigInt.asUintN(64, length), 1);
  return field;
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Uint8Array = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason as Uint8Array)]);
}

/** Reads what a hub sends: whole frames, each told in a word and its payload. */
export class FrameReader {
  /** `text …`, `binary` and `pong` with hexadecimal, `close CODE reason`; `fault: …` for what no server may send. */
  readonly told: string[] = [];
  private pending = Buffer.alloc(0);

  take(bytes: Uint8Array): void {
    this.pending = Buffer.concat([this.pending, bytes]);
    for (let size = this.read(); size > 0; size = this.read()) this.pending = this.pending.subarray(size);
  }

  /** Bytes of the frame at the front, 0 while it is not whole. */
  private read(): number {
    const { pending } = this;
    if (pending.length < 2) return 0;
    const [first, second] = [pending[0]!, pending[1]!];
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = 2 + lengthBytes;
    if (pending.length < start) return 0;
    const length =
      lengthBytes === 2
        ? pending.readUInt16BE(2)
        : lengthBytes === 8
          ? Number(pending.readBigUInt64BE(2))
          : short;
    if (pending.length < start + length) return 0;
    this.told.push(shownFrame(first, second, pending.subarray(start, start + length)));
    return start + length;
  }
}

function shownFrame(first: number, second: number, payload: Buffer): string {
  if ((first & 0x70) !== 0) return 'fault: reserved bits';
  if ((second & 0x80) !== 0) return 'fault: masked';
  if ((first & 0x80) === 0) return 'fault: in pieces';
  switch (first & 0x0f) {
    case OPCODES.text:
      return shownText(payload);
    case OPCODES.binary:
      return shownBytes('binary', payload);
    case OPCODES.pong:
      return shownBytes('pong', payload);
    case OPCODES.close:
      return payload.length === 0 ? 'close' : `close ${payload.readUInt16BE()}`;
    default:
      return `fault: opcode ${first & 0x0f}`;
  }
}

const SHOWN_BYTES = 80;

/** Long ones by length and ends. */
export const shownText = (payload: Uint8Array | string): string => {
  const text = Buffer.from(payload as Uint8Array).toString();
  return text.length <= SHOWN_BYTES
    ? `text ${text}`
    : `text of ${text.length}: ${text.slice(0, 8)}…${text.slice(-8)}`;
};

export const shownBytes = (kind: 'binary' | 'pong', payload: Uint8Array): string => {
  const hex = Buffer.from(payload).toString('hex');
  return payload.length <= SHOWN_BYTES
    ? `${kind} ${hex}`
    : `${kind} of ${payload.length}: ${hex.slice(0, 8)}…${hex.slice(-8)}`;
};
