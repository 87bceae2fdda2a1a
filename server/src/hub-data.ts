/**
 * A hub's data: the folder opened, its format known or brought up to date, and what in it is damaged said in a line that
 * says what to do.
 */
import type { LogLimits } from './core/volatile-log.ts';
import type { EmbeddedEngineOptions } from './engines/embedded.ts';
import { StoreDamage } from './engines/store-damage.ts';
import { newStoreWrites, readStoreFormat, STORE_FORMAT, upgradeWrites } from './engines/store-format.ts';
import { nodeClock } from './node-clock.ts';
import { nodeIds } from './node-ids.ts';
import type { Store } from './ports/store.ts';
import { openDataFolder } from './stores/data-folder.ts';

/** Why the data folder cannot be used, in a line that says what to do. */
export class DataUnavailable extends Error {
  constructor(
    text: string,
    /** The store is there, and damaged. */
    readonly isDamaged: boolean,
  ) {
    super(text);
  }
}

export interface DataOptions {
  readonly data?: string;
  readonly durableLog?: LogLimits | undefined;
  readonly flushDeadlineMs?: number;
}

/** The store of a data folder; `undefined` where nothing is to be kept. Throws `DataUnavailable`. */
export async function openData({
  data,
  durableLog: limits,
  flushDeadlineMs,
}: DataOptions): Promise<EmbeddedEngineOptions['durable']> {
  if (data === undefined) return undefined;
  const initial = newStoreWrites(nodeIds.id());
  const settings = { clock: nodeClock, ...(flushDeadlineMs !== undefined && { flushDeadlineMs }) };
  const opened = await openDataFolder(data, settings, initial);
  if (opened.kind !== 'open') throw new DataUnavailable(opened.text, opened.kind === 'damaged');
  const { store } = opened;
  const format = readStoreFormat(store);
  if (format.kind === 'known') {
    if (format.format < STORE_FORMAT) await upgrade(store, data);
    return { store, epoch: format.epoch, limits };
  }
  await store.close();
  throw format.kind === 'newer'
    ? new DataUnavailable(
        `the store in ${data} has format ${format.format}, this hub reads ${STORE_FORMAT}: use the version that wrote it, or a newer one`,
        false,
      )
    : new DataUnavailable(
        `the store in ${data} does not say what it is: it was left as it is; restore a backup into an empty folder`,
        true,
      );
}

/** What is made of a store; where that is damaged too much for it, the store is closed as it was. */
export async function orDataUnavailable<T>(
  make: () => T,
  close: () => Promise<void> | undefined,
): Promise<T> {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof StoreDamage)) throw error;
    await close();
    const advice = 'look at it with "ringhub store check", and restore a backup into an empty folder';
    throw new DataUnavailable(`${error.message}: ${advice}`, true);
  }
}

/** An older hub is not to open it any more, from before there is anything new in it. */
function upgrade(store: Store, data: string): Promise<void> {
  return new Promise((resolve, reject) =>
    store.commit(upgradeWrites(), (error) => {
      if (error) reject(new DataUnavailable(`the store in ${data} cannot be written: ${error.text}`, false));
      else resolve();
    }),
  );
}
