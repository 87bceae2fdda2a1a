/**
 * Positions, cursors and the ranges of a gap (PROTOCOL §9, §10).
 *
 * Offsets of a log increase (holes allowed) and compare only inside one epoch: an opaque id of one unbroken
 * life of that log. A cursor says, for each log a subscription reads, up to where everything was processed.
 * Applications store and return cursors as they are; only SDKs look inside.
 */

/** `v` is the volatile log, `d` the durable one. */
export type LogId = 'v' | 'd';

export interface Position {
  readonly log: LogId;
  readonly epoch: string;
  readonly offset: number;
}

/** Why messages were lost to a subscriber (PROTOCOL §9). `several` where merged losses differ. Clients tell `not-received`, too. */
export type GapReason =
  | 'overflow'
  | 'refused'
  | 'expired'
  | 'memory'
  | 'session-bytes'
  | 'slow-consumer'
  | 'redelivery-limit'
  | 'not-received'
  | 'trimmed'
  | 'epoch'
  | 'corrupt'
  | 'several';

/**
 * Offsets `from` to `to` (inclusive) of one log, of which `count` messages for this queue were lost:
 * `null` where nobody can know how many, or where that log's life ended.
 */
export interface GapRange extends Omit<Position, 'offset'> {
  readonly from: number;
  readonly to: number | null;
  readonly count: number | null;
  readonly reason: GapReason;
}

/** Lost messages, told where they would have stood. */
export interface Gap {
  readonly count: number | null;
  readonly reason: GapReason;
  readonly ranges: readonly GapRange[];
}

const MAX_CURSOR_LENGTH = 256;
const PART = /^([vd]):([A-Za-z0-9_-]{1,64}):(\d{1,16})$/;

/** Writes a cursor: `v:<epoch>:<offset>`, parts joined by `,`. */
export const formatCursor = (positions: readonly Position[]): string =>
  positions.map((p) => `${p.log}:${p.epoch}:${p.offset}`).join(',');

/** Reads a cursor, or `undefined` where the text is none. Each log may stand in it once. */
export function parseCursor(text: string): Position[] | undefined {
  if (text.length === 0 || text.length > MAX_CURSOR_LENGTH) return undefined;
  const positions: Position[] = [];
  for (const part of text.split(',')) {
    const found = PART.exec(part);
    const offset = Number(found?.[3]);
    if (!found || !Number.isSafeInteger(offset)) return undefined;
    const log = found[1] as LogId;
    if (positions.some((p) => p.log === log)) return undefined;
    positions.push({ log, epoch: found[2] as string, offset });
  }
  return positions;
}
