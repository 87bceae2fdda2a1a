/**
 * Where a log is read from after a cursor, and what is lost on the way there (PROTOCOL §10).
 */
import type { GapRange, Position } from '@ringhub/protocol';
import type { LogBounds } from '../ports/engine.ts';

export interface LogStart {
  /** The first record read is the one behind this. */
  readonly after: number;
  /** To be told before it. */
  readonly lost?: GapRange;
}

export function startAfter(
  { log, epoch, offset }: Position,
  bounds: Pick<LogBounds, 'epoch' | 'last'>,
): LogStart {
  if (epoch !== bounds.epoch) {
    // Nothing of the new life of the log can have been seen: after the gap it is read from its start.
    return { after: 0, lost: { log, epoch, from: offset + 1, to: null, count: null, reason: 'epoch' } };
  }
  const { last } = bounds;
  if (offset <= last) return { after: offset };
  return { after: last, lost: { log, epoch, from: last + 1, to: offset, count: null, reason: 'epoch' } };
}
