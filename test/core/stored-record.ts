/**
 * Records as a log would hand them out, and short texts for what a queue does with them.
 */
import type { Entry } from '../../server/src/core/ready-ring.ts';
import type { NewRecord, StoredRecord } from '../../server/src/ports/engine.ts';

export const EPOCH = 'e1';

/** A position of the volatile log. */
export const at = (offset: number) => ({ log: 'v' as const, epoch: EPOCH, offset });

export const newRecord = (over: Partial<NewRecord> = {}): NewRecord => ({
  log: 'v',
  exchange: 'amq.topic',
  key: 'k',
  payload: 'x',
  payloadBytes: 1,
  contentType: 'text/plain',
  headers: undefined,
  id: undefined,
  ttlMs: undefined,
  subject: 's',
  reached: [1],
  ...over,
});

/** A record of the volatile log; it weighs 100 bytes unless told otherwise. */
export const storedRecord = (offset: number, over: Partial<StoredRecord> = {}): StoredRecord => ({
  ...newRecord(),
  kind: 'message',
  offset,
  timeMs: offset,
  expiresMs: Number.POSITIVE_INFINITY,
  bytes: 100,
  holders: 0,
  sessions: 0,
  itemText: undefined,
  itemBytes: undefined,
  ...over,
});

/** `m3`, `gap overflow 2 [1-2:2]`, `end v:e1:3`. */
export function textOf(entry: Entry): string {
  if (entry.kind === 'message') return `m${entry.offset}`;
  if (entry.kind === 'snapshot-end') return `end ${entry.cursor}${entry.complete ? '' : ' incomplete'}`;
  const { count, reason, ranges } = entry.toGap();
  const several = reason === 'several';
  const texts = ranges.map((r) => `${several ? `${r.reason} ` : ''}${r.from}-${r.to}:${r.count}`);
  return `gap ${reason} ${count} [${texts.join(' ')}]`;
}
