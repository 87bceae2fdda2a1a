/**
 * What a window shows, in the order of the feed: lines, comings and goings, gaps, and the times it was offline. Pure.
 *
 * Until the window's own binding comes by, everything is history: lines are kept back, the last `HISTORY_LINES` are
 * shown. Bounded: the oldest entries fall off.
 */
import type { GapEvent } from '@ringhub/client';
import type { Move } from './presence.ts';

export interface Line {
  readonly id: string | undefined;
  readonly room: string;
  readonly from: string;
  readonly text: string;
  readonly timeMs: number;
  readonly isOwn: boolean;
}

export type Entry = { readonly n: number } & (
  | { readonly kind: 'line'; readonly line: Line; readonly when: 'history' | 'missed' | 'live' }
  | { readonly kind: 'history'; readonly count: number }
  | { readonly kind: 'move'; readonly move: Move; readonly name: string; readonly isOwn: boolean }
  | { readonly kind: 'gap'; readonly gap: GapEvent }
  | { readonly kind: 'offline'; readonly atMs: number }
  | {
      readonly kind: 'back';
      readonly afterMs: number;
      readonly caughtUp: number;
      readonly lost: number | null;
      readonly isResumed: boolean;
    }
);

/** `Omit` would forget that the kinds differ. */
type Unnumbered<E> = E extends unknown ? Omit<E, 'n'> : never;

interface Absence {
  readonly fromMs: number;
  toMs: number | undefined;
  caughtUp: number;
  lost: number | null;
}

export const HISTORY_LINES = 50;
const MAX_ENTRIES = 500;

export class Transcript {
  entries: readonly Entry[] = [];
  #count = 0;
  /** Lines of before, until it is known that there are no more of them. */
  #history: Line[] | undefined = [];
  #absence: Absence | undefined;

  get isHistory(): boolean {
    return this.#history !== undefined;
  }

  line(line: Line): void {
    if (this.#history) {
      this.#history.push(line);
      if (this.#history.length > HISTORY_LINES) this.#history.shift();
      return;
    }
    // What was sent from here is no news here.
    const isMissed = this.#absence !== undefined && !line.isOwn;
    if (isMissed) this.#absence!.caughtUp += 1;
    this.#add({ kind: 'line', line, when: isMissed ? 'missed' : 'live' });
  }

  /** The window's own binding has come by: what follows is live. */
  historyEnds(): void {
    const lines = this.#history ?? [];
    this.#history = undefined;
    for (const line of lines) this.#add({ kind: 'line', line, when: 'history' });
    if (lines.length > 0) this.#add({ kind: 'history', count: lines.length });
  }

  moved(move: Move, name: string, isOwn: boolean): void {
    this.#add({ kind: 'move', move, name, isOwn });
  }

  gap(gap: GapEvent): void {
    const absence = this.#absence;
    if (absence) absence.lost = gap.count === null || absence.lost === null ? null : absence.lost + gap.count;
    this.#add({ kind: 'gap', gap });
  }

  offline(nowMs: number): void {
    if (this.#absence) {
      this.#absence.toMs = undefined;
      return;
    }
    this.#absence = { fromMs: nowMs, toMs: undefined, caughtUp: 0, lost: 0 };
    this.#add({ kind: 'offline', atMs: Date.now() });
  }

  online(nowMs: number): void {
    if (this.#absence) this.#absence.toMs = nowMs;
  }

  /** The hub's own word that this session goes on has come by: everything missed stands before it. */
  caughtUp(nowMs: number, isResumed: boolean): void {
    const absence = this.#absence;
    if (!absence) return;
    this.#absence = undefined;
    const { fromMs, toMs = nowMs, caughtUp, lost } = absence;
    this.#add({ kind: 'back', afterMs: toMs - fromMs, caughtUp, lost, isResumed });
  }

  #add(entry: Unnumbered<Entry>): void {
    this.#count += 1;
    this.entries = [...this.entries.slice(1 - MAX_ENTRIES), { ...entry, n: this.#count } as Entry];
  }
}
