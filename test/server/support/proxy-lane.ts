/**
 * One direction of a proxied connection: bytes from one socket to the other, in order, as its line lets them through.
 *
 *   from ─► [ piece, due at ] [ piece ] … ─► to
 *
 * What waits here is bounded: a sender that is faster than its line, or than the receiver, is no longer read from.
 */
import type { Socket } from 'node:net';
import type { Line } from './connection-fate.ts';

/** Waiting here and in the socket's buffer together, at most; then nothing more is read. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A limited line passes what it may in so many pieces a second. */
const PIECES_PER_SEC = 50;

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export class ProxyLane {
  /** What comes vanishes, and so does the end. */
  isSilent = false;
  private readonly waiting: Piece[] = [];
  private waitingBytes = 0;
  private lastDueMs = 0;
  /** When the line has passed what it was given. */
  private freeMs = 0;
  private next: NodeJS.Timeout | NodeJS.Immediate | undefined;
  /** What is to happen once everything has passed. */
  private atEnd: (() => void) | undefined;
  private readonly isPlain: boolean;
  private readonly sliceBytes: number;
  private readonly limitBytes: number;
  private passedBytes = 0;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly line: Line,
    private readonly random: () => number,
  ) {
    const { latencyMs, jitterMs, sliceBytes = Number.POSITIVE_INFINITY, bytesPerSec } = line;
    this.isPlain = latencyMs === undefined && jitterMs === undefined && bytesPerSec === undefined;
    this.isPlain &&= line.sliceBytes === undefined;
    this.sliceBytes = sliceBytes;
    this.limitBytes = bytesPerSec === undefined ? Infinity : Math.ceil(bytesPerSec / PIECES_PER_SEC);
    to.on('drain', () => this.readOn());
  }

  pass(bytes: Buffer): void {
    if (this.isSilent || bytes.length === 0) return;
    if (this.isPlain) this.write(bytes);
    else {
      const { latencyMs = 0, jitterMs = 0 } = this.line;
      const dueMs = performance.now() + latencyMs + jitterMs * this.random();
      this.lastDueMs = Math.max(this.lastDueMs, dueMs);
      this.waiting.push({ bytes, dueMs: this.lastDueMs });
      this.waitingBytes += bytes.length;
      if (!this.next) this.pump();
    }
    if (this.heldBytes > MAX_WAITING_BYTES) this.from.pause();
  }

  /** Everything that was passed on comes first. */
  end(then: () => void): void {
    if (this.isSilent) return;
    if (this.waiting.length === 0) then();
    else this.atEnd = then;
  }

  /** From now on nothing passes; what waits is lost. */
  silence(): void {
    this.isSilent = true;
    this.stop();
    // What still comes is read, as a network swallows it.
    this.from.resume();
  }

  /** What waits is lost. */
  stop(): void {
    if (this.next) {
      clearTimeout(this.next as NodeJS.Timeout);
      clearImmediate(this.next as NodeJS.Immediate);
    }
    this.next = undefined;
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  private get heldBytes(): number {
    return this.waitingBytes + this.to.writableLength;
  }

  private write(bytes: Buffer): void {
    if (this.to.writable) this.to.write(bytes);
  }

  private readOn(): void {
    if (this.from.isPaused() && this.heldBytes <= MAX_WAITING_BYTES / 2) this.from.resume();
  }

  /** Passes one piece at most, so that each goes out in a turn, and as a packet, of its own. */
  private pump(): void {
    this.next = undefined;
    const nowMs = performance.now();
    const piece = this.waiting[0];
    if (!piece) {
      this.atEnd?.();
      return;
    }
    const dueMs = Math.max(piece.dueMs, this.freeMs);
    if (dueMs > nowMs) {
      this.next = setTimeout(() => this.pump(), dueMs - nowMs);
      return;
    }
    const isSliced = this.passedBytes < (this.line.slicedBytes ?? Infinity);
    const pieceBytes = Math.min(this.limitBytes, isSliced ? this.sliceBytes : Infinity);
    const bytes = piece.bytes.subarray(0, pieceBytes);
    this.passedBytes += bytes.length;
    if (bytes.length === piece.bytes.length) this.waiting.shift();
    else this.waiting[0] = { ...piece, bytes: piece.bytes.subarray(bytes.length) };
    this.waitingBytes -= bytes.length;
    const { bytesPerSec } = this.line;
    if (bytesPerSec !== undefined) this.freeMs = nowMs + (bytes.length / bytesPerSec) * 1_000;
    this.write(bytes);
    this.readOn();
    this.next = setImmediate(() => this.pump());
  }
}
