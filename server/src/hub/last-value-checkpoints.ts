/**
 * Keeps the last values of durable exchanges across restarts (PROTOCOL §10): now and then what has changed is stored,
 * with the offset it stands for; at the start it is loaded, and the log behind that offset looked through.
 */
import type { LogEntry, StoredRecord } from '../ports/engine.ts';
import type { HubContext } from './context.ts';

const EVERY_MS = 5_000;
/** Records that may be fed before the next checkpoint: what a restart has to look through. */
const EVERY_RECORDS = 20_000;
const READ_AT_ONCE = 1_000;

/** Stored with a checkpoint. */
interface State {
  /** Exchanges whose values are not all there, by incarnation. */
  readonly incomplete: readonly number[];
}

export class LastValueCheckpoints {
  private fedSince = 0;
  private readonly timer: { stop(): void };

  constructor(private readonly hub: HubContext) {
    this.timer = hub.clock.every(EVERY_MS, () => this.save());
  }

  /** The feed has brought a record of the durable log. */
  fed(): void {
    if (++this.fedSince >= EVERY_RECORDS) this.save();
  }

  save(): void {
    const { values } = this.hub.engine;
    if (!values || this.fedSince === 0) return;
    this.fedSince = 0;
    const incomplete: number[] = [];
    for (const { log, incarnation, lastValues } of this.hub.exchanges) {
      if (log !== 'd') continue;
      if (lastValues.forgotten) incomplete.push(incarnation);
      for (const [key, record] of lastValues.takeChanges()) {
        if (record) values.put(incarnation, record);
        else values.remove(incarnation, key);
      }
    }
    const state: State = { incomplete };
    values.checkpoint(this.hub.feedOffset('d'), JSON.stringify(state));
  }

  /** Loads what was stored; the exchanges are there already. */
  restore(): void {
    const { values } = this.hub.engine;
    if (!values) return;
    const checkpoint = values.lastCheckpoint === 'damaged' ? undefined : values.lastCheckpoint;
    // Of which exchanges not all values were there is not known any more, either.
    const isUnknown = values.lastCheckpoint === 'damaged';
    if (isUnknown)
      this.tellDamage('the checkpoint of last values is damaged on disk: all of the log is looked through');
    const incomplete = checkpoint ? (JSON.parse(checkpoint.state) as State).incomplete : [];
    for (const { log, name, incarnation, lastValues } of this.hub.exchanges) {
      if (log !== 'd') continue;
      const records: StoredRecord[] = [];
      let isDamaged = false;
      values.load(incarnation, (record) => {
        if (record) records.push(record);
        else isDamaged = true;
      });
      if (isDamaged) this.tellDamage(`last values of the exchange ${name} are damaged on disk`);
      // In the order of publishing: the first to be forgotten comes first.
      records.sort((a, b) => a.offset - b.offset);
      for (const record of records) lastValues.put(record);
      lastValues.takeChanges();
      if (isDamaged || isUnknown || incomplete.includes(incarnation)) lastValues.forgotten = true;
    }
    this.readOn(checkpoint?.offset ?? 0);
  }

  private tellDamage(what: string): void {
    this.hub.counters.corrupt++;
    this.hub.fault(what);
  }

  stop(): void {
    this.timer.stop();
  }

  /** Puts what was fed after a checkpoint; what it changes belongs to the next one. */
  private readOn(after: number): void {
    let next: number | undefined = after;
    let isReading = false;
    // An engine may answer at once, thousands of times: then this goes on, and none of the answers calls it again.
    const read = (): void => {
      if (isReading) return;
      isReading = true;
      while (next !== undefined) {
        const from = next;
        next = undefined;
        this.hub.engine.read('d', from, READ_AT_ONCE, (entries) => {
          this.putAll(entries);
          next = entries[entries.length - 1]?.offset;
          read();
        });
      }
      isReading = false;
    };
    read();
  }

  private putAll(entries: readonly LogEntry[]): void {
    this.fedSince += entries.length;
    for (const entry of entries) {
      if (entry.kind === 'corrupt') {
        this.tellDamage(`record ${entry.offset} of the durable log is damaged on disk`);
        // Nobody knows whose latest value it was.
        for (const { log, lastValues } of this.hub.exchanges) if (log === 'd') lastValues.forgotten = true;
        continue;
      }
      for (const incarnation of entry.reached) {
        this.hub.exchanges.ofIncarnation(incarnation)?.lastValues.put(entry);
      }
    }
  }
}
