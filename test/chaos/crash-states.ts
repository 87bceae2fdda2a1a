/**
 * What a power cut may leave of a file: all that was synced, and of each write that was not, nothing, all, or any of its
 * sectors.
 *
 *     write A  write B  sync ─ returned │ write C   write D ✂ power cut
 *     └──── are there ────┘               └ each may be there, or not, or in part
 *
 * A sector is written whole or not at all. A sync covers the writes that had returned when it began.
 */
import type { DiskEvent } from './disk-trace.ts';

const SECTOR_BYTES = 512;

export interface CrashState {
  readonly image: Buffer;
  /** The last number said with `done`, and with `begun`. */
  readonly confirmed: number;
  readonly begun: number;
  readonly unsynced: number;
}

/** Cuts the power after `cut` events. @param initial what the file held, durably, before the first of them */
export function crashState(
  initial: Buffer,
  events: readonly DiskEvent[],
  cut: number,
  random: () => number,
): CrashState {
  const returned = new Set<number>();
  const durable = new Set<number>();
  const coveredBy = new Map<number, number[]>();
  let confirmed = 0;
  let begun = 0;
  events.slice(0, cut).forEach((event, index) => {
    if (event.kind === 'sync') {
      coveredBy.set(
        index,
        [...returned].filter((at) => events[at]!.kind === 'write'),
      );
    } else if (event.kind === 'returned') {
      returned.add(event.of);
      const of = events[event.of]!;
      if (of.kind === 'write' && of.synced) durable.add(event.of);
      for (const write of coveredBy.get(event.of) ?? []) durable.add(write);
    } else if (event.kind === 'said') {
      const [word, number] = event.text.split(' ');
      if (word === 'done') confirmed = Math.max(confirmed, Number(number));
      if (word === 'begun') begun = Math.max(begun, Number(number));
    }
  });

  const room = events.reduce(
    (most, event) => (event.kind === 'write' ? Math.max(most, event.offset + event.data.length) : most),
    initial.length,
  );
  const bytes = Buffer.alloc(room);
  initial.copy(bytes);
  let length = initial.length;
  let unsynced = 0;
  const put = (offset: number, data: Buffer) => {
    data.copy(bytes, offset);
    length = Math.max(length, offset + data.length);
  };
  events.slice(0, cut).forEach((event, index) => {
    if (event.kind !== 'write') return;
    if (durable.has(index)) {
      put(event.offset, event.data);
      return;
    }
    unsynced++;
    const fate = random();
    if (fate < 0.35) return;
    if (fate < 0.6) put(event.offset, event.data);
    else tear(event.offset, event.data, random, put);
  });
  return { image: bytes.subarray(0, length), confirmed, begun, unsynced };
}

/** Any of the sectors that a write touches; those of the disk, not of the write. */
function tear(
  offset: number,
  data: Buffer,
  random: () => number,
  put: (offset: number, data: Buffer) => void,
): void {
  for (let at = offset; at < offset + data.length; ) {
    const next = Math.min((Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES, offset + data.length);
    if (random() < 0.5) put(at, data.subarray(at - offset, next - offset));
    at = next;
  }
}
