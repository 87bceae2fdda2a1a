import { describe, expect, it } from 'vitest';
import {
  ATTEMPT_MS,
  IDLE,
  LINK_TABLE,
  type LinkContext,
  type LinkEffect,
  type LinkEvent,
  type LinkKind,
  type LinkState,
  PROBE_MS,
  STABLE_MS,
  step,
} from '../../client-sdk/src/link-state.ts';

const context = (
  nowMs: number,
  changes: Partial<LinkContext['settings']> = {},
  random = 0.5,
): LinkContext => ({
  nowMs,
  random,
  settings: { minMs: 100, maxMs: 1000, canRefresh: false, ...changes },
});

const state = (kind: LinkKind, changes: Partial<LinkState> = {}): LinkState => ({
  ...IDLE,
  kind,
  socket: 3,
  dueMs: 1000,
  deadMs: 500,
  ...changes,
});

const EVENTS: Record<LinkEvent['type'], LinkEvent> = {
  start: { type: 'start' },
  opened: { type: 'opened', socket: 3 },
  welcomed: { type: 'welcomed', socket: 3, deadMs: 700 },
  heard: { type: 'heard', socket: 3 },
  drained: { type: 'drained', socket: 3, reconnectInMs: 200 },
  lost: { type: 'lost', socket: 3, code: 1006 },
  due: { type: 'due' },
  wake: { type: 'wake' },
  stop: { type: 'stop' },
};

/** The whole machine: state, event → state, effects. What is not named stays as it is, without effects. */
const EXPECTED: Record<LinkKind, Partial<Record<LinkEvent['type'], [LinkKind, ...LinkEffect[]]>>> = {
  idle: { start: ['connecting', 'open'], stop: ['closed', 'drop'] },
  connecting: {
    opened: ['greeting'],
    lost: ['waiting'],
    due: ['waiting', 'drop'],
    wake: ['connecting', 'ping'],
    stop: ['closed', 'drop'],
  },
  greeting: {
    welcomed: ['online'],
    lost: ['waiting'],
    due: ['waiting', 'drop'],
    wake: ['greeting', 'ping'],
    stop: ['closed', 'drop'],
  },
  online: {
    heard: ['online'],
    drained: ['draining'],
    lost: ['waiting'],
    due: ['waiting', 'drop'],
    wake: ['online', 'ping'],
    stop: ['closed', 'bye'],
  },
  draining: {
    heard: ['draining'],
    drained: ['draining'],
    lost: ['waiting'],
    due: ['waiting', 'drop'],
    wake: ['draining', 'ping'],
    stop: ['closed', 'bye'],
  },
  waiting: { due: ['connecting', 'open'], wake: ['connecting', 'open'], stop: ['closed', 'drop'] },
  closed: {},
};

const kinds = Object.keys(LINK_TABLE) as LinkKind[];
const cells = kinds.flatMap((kind) =>
  Object.values(EVENTS).map((event) => [kind, event.type, event] as const),
);

describe('the transition table', () => {
  it.each(cells)('%s, %s', (kind, type, event) => {
    const before = state(kind);
    const { state: after, effects } = step(before, event, context(1000));
    const expected = EXPECTED[kind][type];
    expect([after.kind, ...effects]).toEqual(expected ?? [kind]);
    if (!expected) expect(after).toBe(before);
  });

  it.each(cells.filter(([, , event]) => 'socket' in event))(
    '%s: %s of an old socket changes nothing',
    (kind, _, event) => {
      const before = state(kind, { socket: 4 });
      expect(step(before, event, context(1000))).toEqual({ state: before, effects: [] });
    },
  );

  it.each(kinds)('%s: being woken too early changes nothing', (kind) => {
    const before = state(kind);
    expect(step(before, { type: 'due' }, context(999)).state).toBe(before);
  });

  it.each(['connecting', 'greeting', 'online', 'draining'] as const)(
    '%s: a code that says stop ends it',
    (kind) => {
      for (const code of [4100, 4101, 4199]) {
        const { state: after, effects } = step(state(kind), { type: 'lost', socket: 3, code }, context(1000));
        expect([after.kind, after.dueMs, ...effects]).toEqual(['closed', Infinity]);
      }
      // A new token would do, but there is no other.
      const expired = step(state(kind), { type: 'lost', socket: 3, code: 4008 }, context(1000)).state;
      expect(expired.kind).toBe(kind === 'draining' ? 'waiting' : 'closed');
      for (const code of [1000, 4001, 4108, 4200, 4999]) {
        const { state: after } = step(state(kind), { type: 'lost', socket: 3, code }, context(1000));
        expect(after.kind).toBe('waiting');
      }
    },
  );

  it.each(kinds.filter((kind) => kind !== 'closed'))('%s: something always happens next', (kind) => {
    const before = state(kind, kind === 'draining' ? { slotMs: 1200 } : {});
    for (const event of Object.values(EVENTS)) {
      const { state: after } = step(before, event, context(1000));
      if (after.kind !== 'closed' && after.kind !== 'idle') expect(after.dueMs).toBeLessThan(Infinity);
    }
  });
});

describe('waiting', () => {
  const lose = (before: LinkState, nowMs = 1000, random = 0.5) =>
    step(before, EVENTS.lost, context(nowMs, {}, random)).state;

  it('takes a random time below a bound that doubles up to the greatest', () => {
    const bounds = [0, 1, 2, 3, 4, 40].map(
      (failures) => lose(state('connecting', { failures }), 1000, 1).dueMs - 1000,
    );
    expect(bounds).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(lose(state('connecting', { failures: 3 }), 1000, 0).dueMs).toBe(1000);
  });

  it('counts failures until a connection has lasted', () => {
    expect(lose(state('online', { failures: 4, onlineMs: 1000 }), 1000 + STABLE_MS - 1).failures).toBe(5);
    expect(lose(state('online', { failures: 4, onlineMs: 1000 }), 1000 + STABLE_MS).failures).toBe(1);
    expect(lose(state('greeting', { failures: 4, onlineMs: 0 }), 99_999).failures).toBe(5);
  });
});

describe('waking up', () => {
  const wake = (kind: LinkKind) =>
    step(state(kind, { failures: 9, dueMs: 99_999 }), EVENTS.wake, context(1000)).state;

  it.each(['connecting', 'greeting', 'online', 'draining'] as const)(
    '%s: a socket that died asleep is found soon, and its loss waits as little as the first',
    (kind) => {
      expect(wake(kind).dueMs).toBe(1000 + PROBE_MS);
      const lost = step({ ...wake(kind), kind: 'online' }, EVENTS.lost, context(1001, {}, 1)).state;
      expect(lost).toMatchObject({ kind: 'waiting', failures: 1, dueMs: 1101 });
    },
  );

  it('waiting: what failed asleep does not count', () => {
    expect(wake('waiting')).toMatchObject({ kind: 'connecting', failures: 0, dueMs: 1000 + ATTEMPT_MS });
  });
});

describe('a refused token', () => {
  const refused: LinkEvent = { type: 'lost', socket: 3, code: 4101 };

  it('is replaced once', () => {
    const once = step(state('greeting'), refused, context(1000, { canRefresh: true }));
    expect(once).toMatchObject({
      state: { kind: 'connecting', refreshing: true, socket: 4 },
      effects: ['open'],
    });
    const again = step(
      { ...once.state, kind: 'greeting' },
      { ...refused, socket: 4 },
      context(1000, { canRefresh: true }),
    );
    expect(again.state.kind).toBe('closed');
  });

  it('that has expired is replaced at once, then by and by: the next one may have, too', () => {
    const expired: LinkEvent = { type: 'lost', socket: 3, code: 4008 };
    for (const kind of ['greeting', 'online'] as const) {
      const once = step(state(kind), expired, context(1000, { canRefresh: true }));
      expect(once).toMatchObject({
        state: { kind: 'connecting', refreshing: true, socket: 4 },
        effects: ['open'],
      });
      const again = step(
        { ...once.state, kind: 'greeting' },
        { ...expired, socket: 4 },
        context(1000, { canRefresh: true }),
      );
      expect(again).toMatchObject({ state: { kind: 'waiting', refreshing: true, failures: 1 } });
    }
  });

  it('while draining waits for its slot', () => {
    const draining = state('draining', { slotMs: 1500 });
    const expired: LinkEvent = { type: 'lost', socket: 3, code: 4008 };
    const { state: after } = step(draining, expired, context(1200, { canRefresh: true }));
    expect(after).toMatchObject({ kind: 'waiting', dueMs: 1500 });
  });

  it('may be replaced again after a welcome', () => {
    const welcomed = step(state('greeting', { refreshing: true }), EVENTS.welcomed, context(1000)).state;
    expect(welcomed.refreshing).toBe(false);
  });
});

describe('deadlines', () => {
  it('of attempts, silence, probes and slots', () => {
    expect(step(state('waiting'), EVENTS.due, context(1000)).state.dueMs).toBe(1000 + ATTEMPT_MS);
    const online = step(state('greeting'), EVENTS.welcomed, context(1000)).state;
    expect(online.dueMs).toBe(1700);
    const probed = step({ ...online, dueMs: 99_999 }, EVENTS.wake, context(1100)).state;
    expect(probed.dueMs).toBe(1100 + PROBE_MS);
    const heard = step(probed, EVENTS.heard, context(1200)).state;
    expect(heard.dueMs).toBe(1900);
    const draining = step({ ...heard, failures: 3 }, EVENTS.drained, context(1300)).state;
    // A hub that takes leave in good order has not failed.
    expect(draining).toMatchObject({ slotMs: 1500, dueMs: 1500, failures: 0 });
    expect(step(draining, EVENTS.heard, context(1400)).state.dueMs).toBe(1500);
  });

  it('while draining: the slot reconnects at once, silence backs off, a loss waits for the slot', () => {
    const draining = state('draining', { slotMs: 1500, dueMs: 1500 });
    expect(step(draining, EVENTS.due, context(1500))).toMatchObject({
      state: { kind: 'connecting' },
      effects: ['open'],
    });
    expect(step(draining, EVENTS.lost, context(1200)).state).toMatchObject({ kind: 'waiting', dueMs: 1500 });
    expect(step({ ...draining, dueMs: 1100 }, EVENTS.due, context(1200))).toMatchObject({
      state: { kind: 'waiting' },
      effects: ['drop'],
    });
  });
});
