/**
 * What the log still holds, page by page: to scroll back, to go on from a cursor, or to fill a gap (PROTOCOL §10).
 * Apart from the client, so that pages without it need not load it.
 */
import {
  type BindingArguments,
  type GapRange,
  type HistoryPage,
  type HistoryRange,
  type HistoryRequest,
  type Item,
  type LogId,
  type Position,
  parseCursor,
} from '@ringhub/protocol';
import type { CommandOptions } from './commands.ts';
import type { Hub } from './hub.ts';
import { eventOf, type GapEvent, type HistoryMessage, type SnapshotEnd } from './message.ts';

/** Where to read: forward `after` a cursor, the latest `before` one (`null`: the head), or what a `gap` lost. */
export type HistoryOptions = CommandOptions & {
  /** Messages at most, 1 to 1000; 100 where not given. */
  readonly limit?: number | undefined;
} & (
    | { readonly after: string; readonly before?: never; readonly gap?: never }
    | { readonly before: string | null; readonly after?: never; readonly gap?: never }
    | {
        readonly gap: Pick<GapEvent, 'ranges'> | readonly GapRange[];
        /** The cursor of the page before. */
        readonly after?: string | undefined;
        readonly before?: never;
      }
  );

export type HistoryEvent<T = unknown, Exchange extends string = string> =
  | HistoryMessage<T, Exchange>
  | GapEvent;

export interface History<Event = HistoryEvent> {
  /** In order of offset; what the log no longer holds is a gap where it would have stood. */
  readonly items: readonly Event[];
  /** Where the next page begins: its `after` or `before`. */
  readonly cursor: string;
  /** There may be more; a page can be empty nevertheless. */
  readonly more: boolean;
}

/**
 * One page of what the log holds for some bindings. Nothing is acknowledged, no subscription changes. Rejects with
 * `unknown-exchange`, `bad-pattern`, `bad-cursor`, `forbidden`, or `durability-mismatch` where a page by cursor is asked for
 * across durable and other exchanges (PROTOCOL §10).
 *
 * ```ts
 * import { connect } from '@ringhub/client';
 * import { history } from '@ringhub/client/history';
 * const hub = await connect(url, { token });
 * await hub.publish('amq.topic', 'room1.lobby', { text: 'hello' });
 * const latest = await history(hub, [['amq.topic', 'room1.#']], { before: null, limit: 50 });
 * for (const item of latest.items) if (item.kind === 'message') console.log(item.data);
 * const older = await history(hub, [['amq.topic', 'room1.#']], { before: latest.cursor, limit: 50 });
 * console.log(older.items.length, older.more);
 * await hub.close();
 * ```
 */
export async function history<Messages extends object, Exchange extends keyof Messages & string>(
  hub: Hub<Messages>,
  bindings: readonly (readonly [exchange: Exchange, key: string, args?: BindingArguments])[],
  { signal, gap, ...where }: HistoryOptions,
): Promise<History<{ [X in Exchange]: HistoryEvent<Messages[X], X> }[Exchange]>> {
  let request = { bindings, ...where } as HistoryRequest;
  if (gap) {
    const { after, ...rest } = request;
    const ranges = restOf('ranges' in gap ? gap.ranges : gap, after);
    if (ranges.length === 0) return { items: [], cursor: after ?? '', more: false };
    request = { ...rest, ranges };
  }
  const page = await hub.session.commands.run({
    line: () => ['history', request],
    accept: (result) => result as HistoryPage,
    signal,
  });
  const at = positionsOf(page.cursor);
  const items = page.items.map((item) => eventOfHistory(item, at));
  return { ...page, items: items as never };
}

const FOR_RECEIVERS = ['replaced', 'redelivered', 'ack', 'nack', 'reject'];

/** The ranges of a gap beyond a cursor. */
const restOf = (ranges: readonly GapRange[], after: string | undefined): HistoryRange[] =>
  ranges.flatMap(({ log, epoch, from, to }) => {
    const read = positionsOf(after).get(log);
    const start = read?.epoch === epoch ? Math.max(from, read.offset + 1) : from;
    return to !== null && start > to ? [] : [[log, epoch, start, to] as const];
  });

const positionsOf = (cursor = ''): Map<LogId, Position> =>
  new Map(parseCursor(cursor)?.map((position) => [position.log, position]));

/** As a subscription would tell it, without what only a subscription can say and do. */
function eventOfHistory(item: Item, at: ReadonlyMap<LogId, Position>): HistoryEvent | SnapshotEnd {
  const position =
    item.kind === 'message'
      ? { log: item.log, epoch: at.get(item.log)?.epoch ?? '', offset: item.offset }
      : undefined;
  const delivery = { item, position, note: undefined, tag: 0, lastTag: 0, life: 0, settled: true };
  const event = eventOf(delivery, () => {});
  for (const name of FOR_RECEIVERS) delete (event as unknown as Record<string, unknown>)[name];
  return event;
}
