/**
 * The moving picture of both lanes: bars of what was handled, gap blocks, badges of replaced values, bands for times
 * offline or paused. Plain DOM, made once and moved with one transform a frame; elements that have left the window
 * are removed, so their number is bounded by the window's width.
 */
import { count, duration } from '../shared/figures.ts';
import { type Outage, rangesText, type TimelineSink } from './dashboard-model.ts';
import type { GapEvent, LaneName } from './lane.ts';

/** The end of what has not ended yet. */
const OPEN = Number.POSITIVE_INFINITY;
const BAR_MS = 500;
const MIN_FULL_BAR = 20;
const BLOCK_MS = 2000;
/** A hidden page draws nothing, so nothing leaves the window either. */
const MAX_PLACED = 600;
/** The zero of the track moves on when it lies so far back, to keep coordinates small. */
const REBASE_PX = 200_000;

interface Placed {
  readonly element: HTMLElement;
  fromMs: number;
  toMs: number;
}

interface Block extends Placed {
  lost: number;
  replaced: number;
}

interface LinkBand extends Placed {
  readonly outage: Outage;
  readonly bands: readonly Placed[];
}

interface LaneTrack {
  readonly element: HTMLElement;
  placed: Placed[];
  bar: (Placed & { handled: number }) | undefined;
  gapBlock: Block | undefined;
  badge: Block | undefined;
  pause: Placed | undefined;
}

export class TimelineTrack implements TimelineSink {
  readonly #lanes: Record<LaneName, LaneTrack>;
  readonly #link: HTMLElement;
  #links: LinkBand[] = [];
  #zeroMs = performance.now();
  #pxPerMs: number;
  #widthPx = 0;
  #fullBar = 0;
  readonly #isStill: boolean;

  constructor(
    link: HTMLElement,
    lanes: Record<LaneName, HTMLElement>,
    pxPerSecond: number,
    isStill: boolean,
  ) {
    this.#link = link;
    this.#pxPerMs = pxPerSecond / 1000;
    this.#isStill = isStill;
    const track = (element: HTMLElement): LaneTrack => ({
      element,
      placed: [],
      bar: undefined,
      gapBlock: undefined,
      badge: undefined,
      pause: undefined,
    });
    this.#lanes = { normal: track(lanes.normal), throttled: track(lanes.throttled) };
  }

  delivered(lane: LaneName, replaced: number): void {
    const track = this.#lanes[lane];
    const slotMs = Math.floor(performance.now() / BAR_MS) * BAR_MS;
    let bar = track.bar;
    if (!bar || bar.fromMs !== slotMs) {
      if (bar && lane === 'normal') this.#learnFullBar(bar.handled);
      bar = { ...this.#place(track, 'bar', slotMs, slotMs + BAR_MS), handled: 0 };
      track.bar = bar;
    }
    bar.handled += 1;
    bar.element.style.height = `${Math.min(100, Math.max(4, (bar.handled * 100) / (Math.max(this.#fullBar, MIN_FULL_BAR) * 1.5)))}%`;
    if (replaced > 0) this.#replaced(track, replaced);
  }

  /** What a usual bar of the lane that keeps up holds; a burst after a cut stands out, it is not the new measure. */
  #learnFullBar(handled: number): void {
    const plausible = this.#fullBar === 0 ? handled : Math.min(handled, this.#fullBar * 1.5);
    this.#fullBar = Math.max(
      MIN_FULL_BAR,
      this.#fullBar === 0 ? plausible : this.#fullBar * 0.8 + plausible * 0.2,
    );
  }

  #replaced(track: LaneTrack, replaced: number): void {
    const badge = this.#block(track, track.badge, 'badge');
    track.badge = badge;
    badge.replaced += replaced;
    badge.element.textContent = `⇄ ${count(badge.replaced)}`;
    badge.element.title = `${count(badge.replaced)} older values replaced by newer ones of the same key`;
  }

  gap(lane: LaneName, event: GapEvent): void {
    const track = this.#lanes[lane];
    const block = this.#block(track, track.gapBlock, 'gap-block');
    track.gapBlock = block;
    block.lost += event.count ?? 0;
    const first = block.element.dataset.from ?? String(event.ranges[0]?.from ?? '');
    const last = String(event.ranges.at(-1)?.to ?? '');
    block.element.dataset.from = first;
    block.element.dataset.count = String(block.lost);
    block.element.title = `${count(block.lost)} lost (${event.reason}), ${rangesText(event)}`;
    block.element.replaceChildren(
      part('b', event.count === null && block.lost === 0 ? 'gap' : `−${count(block.lost)}`),
      part('span', event.reason),
      part('small', shortRange(first, last)),
    );
  }

  mark(lane: LaneName, text: string): void {
    const track = this.#lanes[lane];
    const nowMs = performance.now();
    const { element } = this.#place(track, 'change-mark', nowMs, nowMs + 4000);
    element.append(part('span', text));
    track.gapBlock = undefined;
    track.badge = undefined;
  }

  outage(outage: Outage): void {
    const bands = Object.values(this.#lanes).map((track) =>
      this.#place(track, 'offline-band', outage.fromMs, OPEN),
    );
    const element = this.#element('offline-label', this.#link, outage.fromMs);
    this.#links.push({ element, fromMs: outage.fromMs, toMs: OPEN, outage, bands });
  }

  paused(lane: LaneName, sinceMs: number | undefined): void {
    const track = this.#lanes[lane];
    const nowMs = performance.now();
    if (track.pause) track.pause.toMs = nowMs;
    track.pause = undefined;
    if (sinceMs !== undefined) track.pause = this.#place(track, 'pause-band', sinceMs, OPEN);
  }

  /** Once a frame: moves the tracks, stretches open bands, forgets what has left. */
  draw(nowMs: number): void {
    const shownMs = this.#isStill ? Math.floor(nowMs / 1000) * 1000 : nowMs;
    if ((nowMs - this.#zeroMs) * this.#pxPerMs > REBASE_PX) this.#rebase(nowMs);
    const shift = `translateX(${(-(shownMs - this.#zeroMs) * this.#pxPerMs).toFixed(1)}px)`;
    this.#link.style.transform = shift;
    for (const track of Object.values(this.#lanes)) {
      track.element.style.transform = shift;
      for (const placed of track.placed) {
        if (placed.toMs !== OPEN && !placed.element.classList.contains('pause-band')) continue;
        const toMs = Math.min(placed.toMs, nowMs);
        placed.element.style.width = `${(toMs - placed.fromMs) * this.#pxPerMs}px`;
        if (placed === track.pause) placed.element.textContent = `paused ${duration(nowMs - placed.fromMs)}`;
      }
    }
    for (const link of this.#links) this.#drawLink(link, nowMs);
    this.#forget(nowMs);
  }

  resize(widthPx: number): void {
    this.#widthPx = widthPx;
  }

  #drawLink(link: LinkBand, nowMs: number): void {
    const { outage, element } = link;
    const toMs = outage.toMs ?? nowMs;
    const text = outageText(outage, nowMs);
    if (element.textContent !== text) element.textContent = text;
    element.style.minWidth = `${(toMs - outage.fromMs) * this.#pxPerMs}px`;
    element.classList.toggle('is-back', outage.toMs !== undefined);
    if (outage.toMs === undefined || link.toMs !== OPEN) return;
    link.toMs = outage.toMs;
    for (const band of link.bands) {
      band.toMs = outage.toMs;
      band.element.style.width = `${(outage.toMs - outage.fromMs) * this.#pxPerMs}px`;
    }
  }

  /** Losses close together share a block, or their labels would cover each other. */
  #block(track: LaneTrack, current: Block | undefined, className: string): Block {
    const nowMs = performance.now();
    if (current && nowMs < current.toMs) return current;
    return { ...this.#place(track, className, nowMs, nowMs + BLOCK_MS), lost: 0, replaced: 0 };
  }

  #place(track: LaneTrack, className: string, fromMs: number, toMs: number): Placed {
    const element = this.#element(className, track.element, fromMs);
    if (toMs !== OPEN && className !== 'change-mark')
      element.style.width = `${(toMs - fromMs) * this.#pxPerMs - 2}px`;
    const placed = { element, fromMs, toMs };
    track.placed.push(placed);
    if (track.placed.length > MAX_PLACED) track.placed.shift()?.element.remove();
    return placed;
  }

  #element(className: string, parent: HTMLElement, fromMs: number): HTMLElement {
    const element = document.createElement('div');
    element.className = className;
    element.style.left = `${(fromMs - this.#zeroMs) * this.#pxPerMs}px`;
    parent.append(element);
    return element;
  }

  #forget(nowMs: number): void {
    const fromMs = nowMs - this.#widthPx / this.#pxPerMs - 2000;
    for (const track of Object.values(this.#lanes)) {
      if ((track.placed[0]?.toMs ?? nowMs) > fromMs) continue;
      track.placed = track.placed.filter((placed) => isKept(placed, fromMs));
    }
    // The label is wider than its band.
    if (this.#links.length > 0) this.#links = this.#links.filter((link) => isKept(link, fromMs - 20_000));
  }

  #rebase(nowMs: number): void {
    this.#zeroMs = nowMs;
    for (const placed of [...this.#lanes.normal.placed, ...this.#lanes.throttled.placed, ...this.#links]) {
      placed.element.style.left = `${(placed.fromMs - nowMs) * this.#pxPerMs}px`;
    }
  }
}

function isKept(placed: Placed, fromMs: number): boolean {
  if (placed.toMs > fromMs) return true;
  placed.element.remove();
  return false;
}

/** `offline 3.2 s — resumed, 0 lost, 214 caught up`, of the lane that keeps up. */
export function outageText(outage: Outage, nowMs: number): string {
  const { fromMs, toMs, isResumed, lanes } = outage;
  if (toMs === undefined) return `offline ${duration(nowMs - fromMs)}`;
  const { lost, caughtUp } = lanes.normal;
  const how = isResumed ? 'resumed' : 'new session, from cursors';
  return `offline ${duration(toMs - fromMs)} — ${how}, ${lost === null ? 'unknown how many' : count(lost)} lost, ${count(caughtUp)} caught up`;
}

function part(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

const shortRange = (from: string, to: string): string => (from === to || to === '' ? from : `${from}–${to}`);
