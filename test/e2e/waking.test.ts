/**
 * Pages that were away, in a real browser: hidden, frozen, asleep with the whole machine, on a network that changed.
 * Whatever was published meanwhile arrives once and in order, or is told in a gap; and what wakes the page wakes the
 * SDK: in each case but that of the sleeper its own timers would let the test run into its deadline.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningHub, type StartHubOptions, startHub } from '../../server/src/index.ts';
import { PlainBrowser, type Window } from './support/plain-browser.ts';
import { Wire } from './support/wire.ts';

const WAIT_MS = 20_000;
/** Waits between attempts to connect that no test sits out. */
const PATIENT = '{ backoff: { minMs: 600_000, maxMs: 600_000 }, environment: { random: () => 0.99 } }';
/** The hub looks once a second. */
const SOON_DEAD = { heartbeatMs: 500, deadMs: 1_500 };
/** Of the small ring. */
const SMALL = 4;

type Seen = number | { gap: number };

let browser: PlainBrowser;
beforeAll(async () => {
  browser = await PlainBrowser.launch();
});
afterAll(() => browser?.close());

/** A hub, a wire to it, and a page at its end with two subscriptions: with room for everything, and with little. */
class Scene {
  private published = 0;

  private constructor(
    readonly hub: RunningHub,
    readonly wire: Wire,
    readonly window: Window,
  ) {}

  static async play(
    { options = '{}', ...hubOptions }: StartHubOptions & { options?: string },
    act: (scene: Scene) => Promise<void>,
  ): Promise<void> {
    const hub = await startHub(hubOptions);
    const wire = await Wire.to(hub.port);
    const window = await browser.newWindow();
    try {
      const scene = new Scene(hub, wire, window);
      await scene.subscribe(options);
      await scene.publish(3);
      await scene.sees(3);
      // What is not acknowledged yet would take up room in the small ring.
      await scene.until(() => hub.stats().ledger.inflight, 0);
      await act(scene);
    } finally {
      await window.page.close();
      await wire.close();
      await hub.close();
    }
  }

  get page(): Page {
    return this.window.page;
  }

  async publish(count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => ({ key: 'n', data: ++this.published }));
    const answer = await fetch(`${this.hub.httpUrl}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.hub.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ messages }),
    });
    expect(answer.status).toBe(200);
  }

  /** The page has been told of everything: every message once and in order, or a gap in its place. */
  async sees(lastOfSmall = 0): Promise<void> {
    const all = Array.from({ length: this.published }, (_, index) => index + 1);
    await this.until(() => this.seen('all'), all);
    await this.until(async () => toldOf(await this.seen('few')), this.published);
    const few = (await this.seen('few')).slice(-lastOfSmall || Infinity);
    expect(few).toEqual(all.slice(-lastOfSmall || Infinity));
  }

  seen(name: 'all' | 'few'): Promise<Seen[]> {
    return this.page.evaluate(`seen.${name}`);
  }

  /** Polled from here: the timers of hidden pages are slow. */
  async until<T>(look: () => T | Promise<T>, wanted: T): Promise<void> {
    await vi.waitFor(async () => expect(await look()).toEqual(wanted), { timeout: WAIT_MS, interval: 25 });
  }

  linkIs(state: string): Promise<void> {
    return this.until(() => this.page.evaluate<string>('link'), state);
  }

  sessionIs(state: 'parked' | 'closed'): Promise<void> {
    return this.until(() => this.hub.stats().sessions, { attached: 0, parked: state === 'parked' ? 1 : 0 });
  }

  private async subscribe(options: string): Promise<void> {
    await this.page.goto(this.wire.httpUrl);
    await this.page.evaluate(`(async () => {
      const { connect } = await import('/sdk/ringhub.js');
      const { token } = await (await fetch('/v1/dev/token')).json();
      const hub = await connect('/', { token, ...${options} });
      globalThis.link = 'online';
      hub.addEventListener('state', ({ state }) => { globalThis.link = state; });
      globalThis.seen = { all: [], few: [] };
      for (const [name, capacity] of [['all', 1000], ['few', ${SMALL}]]) {
        const sub = await hub.subscribe('amq.topic', 'n', { capacity });
        void (async () => {
          for await (const e of sub) seen[name].push(e.kind === 'gap' ? { gap: e.count } : e.data);
        })();
      }
    })()`);
  }
}

/** Up to where the messages and gaps tell of everything; NaN where one is out of its place. */
const toldOf = (seen: readonly Seen[]): number =>
  seen.reduce<number>(
    (last, event) => (typeof event === 'object' ? last + event.gap : event === last + 1 ? event : Number.NaN),
    0,
  );

const lost = (seen: readonly Seen[]): number =>
  seen.reduce<number>((sum, event) => sum + (typeof event === 'object' ? event.gap : 0), 0);

describe.concurrent('a page that was away', () => {
  it('hidden, its connection cut: goes on as soon as it is seen', () =>
    Scene.play({ options: PATIENT }, async (scene) => {
      await scene.window.hide();
      scene.wire.cut();
      await scene.linkIs('waiting');
      await scene.publish(30);
      await scene.window.show();
      await scene.sees(SMALL);
      expect(lost(await scene.seen('few'))).toBe(30 - SMALL);
      expect(scene.hub.stats().resumes).toEqual({ resumed: 1, lost: 0 });
    }));

  it('frozen: resumes its session when it is seen', () =>
    Scene.play({ limits: SOON_DEAD }, async (scene) => {
      await scene.window.hide();
      await scene.window.freeze();
      await scene.sessionIs('parked');
      await scene.publish(30);
      await scene.window.show();
      await scene.sees(SMALL);
      expect(lost(await scene.seen('few'))).toBe(30 - SMALL);
      expect(scene.hub.stats().resumes.lost).toBe(0);
    }));

  it('frozen for longer than the hub keeps sessions: goes on from its cursors', () =>
    Scene.play({ limits: { ...SOON_DEAD, resumeWindowMs: 500 } }, async (scene) => {
      await scene.window.hide();
      await scene.window.freeze();
      await scene.sessionIs('parked');
      await scene.publish(15);
      await scene.sessionIs('closed');
      await scene.publish(15);
      await scene.window.show();
      // What the log holds is read from there, so that the small ring loses nothing either.
      await scene.sees(33);
      expect(scene.hub.stats().resumes.lost).toBe(1);
    }));

  it('on a network that went without a word: goes on when another is there', () =>
    Scene.play({}, async (scene) => {
      await scene.window.setOffline(true);
      scene.wire.goDark();
      await scene.publish(30);
      scene.wire.lightUp();
      await scene.window.setOffline(false);
      await scene.sees(SMALL);
      expect(scene.hub.stats().resumes).toEqual({ resumed: 1, lost: 0 });
    }));
});

it('a laptop that slept until its session was parked resumes it', () =>
  Scene.play({ limits: SOON_DEAD }, async (scene) => {
    const wakeUp = await browser.fallAsleep();
    try {
      await scene.sessionIs('parked');
      await scene.publish(30);
    } finally {
      wakeUp();
    }
    await scene.sees(SMALL);
    expect(lost(await scene.seen('few'))).toBe(30 - SMALL);
    expect(scene.hub.stats().resumes.lost).toBe(0);
  }));
