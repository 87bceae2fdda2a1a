/**
 * An application that reads history through the SDK, page after page: forward from a place, back from the head, or the
 * ranges of a gap. Each page follows the one before, and holds what was published.
 */
import { type History, history } from '@ringhub/client/history';
import { type BindingSpec, type GapRange, parseCursor } from '@ringhub/protocol';
import type { Application } from './application.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';
import { DISK_EPOCH } from './truth.ts';

/** Pages of one walk at most. */
const PAGES = 4;

type Walk = 'after' | 'before' | 'gap';

export async function readHistory(
  simulation: Simulation,
  application: Application,
  random: Random,
  bindings: readonly BindingSpec[],
): Promise<void> {
  const { truth, hub } = simulation;
  const limit = random.pick([1, 3, 20]);
  const walk = random.pick<Walk>(['after', 'before', 'gap']);
  // Now and then of a life of the log that is over.
  const isDisk = bindings.some(([name]) => simulation.watch.isDurable(name));
  const volatile = random.chance(0.15)
    ? random.pick(truth.epochs.filter((e) => e !== DISK_EPOCH))
    : hub.epoch;
  const [log, epoch] = isDisk ? (['d', DISK_EPOCH] as const) : (['v', volatile] as const);
  const last = truth.last(epoch);
  const ranges = Array.from({ length: random.int(1, 4) }, (): GapRange => {
    const from = random.int(1, Math.max(1, last));
    const to = random.chance(0.1) ? null : from + random.int(0, 20);
    return { log, epoch, from, to, count: null, reason: 'overflow' };
  });
  let cursor = `${log}:${epoch}:${random.int(0, last)}`;
  const where = (page: number) => {
    if (walk === 'gap') return { gap: ranges, ...(page === 0 ? {} : { after: cursor }) };
    if (walk === 'after') return { after: cursor };
    return { before: page === 0 && random.chance(0.5) ? null : cursor };
  };
  const seen = new Set<string>();
  for (let page = 0; page < PAGES; page++) {
    const got = await history(application.hub!, bindings, { ...where(page), limit });
    for (const place of placesOf(simulation, got)) {
      if (seen.has(place)) simulation.world.fail('history', `${walk}: ${place} came on two pages`);
      seen.add(place);
    }
    const isAtStart = page === 0 && walk !== 'after';
    if (got.more && got.cursor === cursor && !isAtStart)
      simulation.world.fail('history', `${walk} stands still at ${cursor}`);
    cursor = got.cursor;
    if (!got.more) return;
  }
}

/** Where the messages of a page stand, each found as it was published. */
function placesOf({ truth, world }: Simulation, { items, cursor }: History): string[] {
  const epochs = parseCursor(cursor)?.map(({ epoch }) => epoch);
  return items.flatMap((item) => {
    if (item.kind !== 'message') return [];
    const taken = truth.at(item.position.epoch, item.position.offset);
    if (
      !epochs?.includes(item.position.epoch) ||
      taken?.payload !== item.data ||
      taken?.key !== item.routingKey
    )
      world.fail('history', `offset ${item.position.offset} was not published as a page has it`);
    return [`${item.position.epoch} ${item.position.offset}`];
  });
}
