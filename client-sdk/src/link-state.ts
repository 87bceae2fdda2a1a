/**
 * The link machine: every state, every event and what follows, in one table. Pure and immutable: time and
 * randomness are arguments, what to do comes back as effects for the shell (`link.ts`) to perform.
 *
 *   idle ─start─► connecting ─opened─► greeting ─welcomed─► online ─drained─► draining
 *                    ▲   │ lost, due       │ lost, due        │ lost, due       │ lost: wait for the slot
 *                    │   ▼                 ▼                  ▼                 ▼
 *                    └── waiting ◄─────────┴──────────────────┴─────────────────┘
 *                 due, wake              stop, or a code that says never: any state ─► closed
 *
 * Invariants: each socket has a number, and events of any socket but the current one change nothing; whatever the
 * state, `dueMs` is when the machine wants to be woken; failed attempts count until a connection lasted.
 */
import { CLIENT_ERROR_CODES, retryOfCode } from '@ringhub/protocol';

export type LinkKind = 'idle' | 'connecting' | 'greeting' | 'online' | 'draining' | 'waiting' | 'closed';

export interface LinkState {
  readonly kind: LinkKind;
  /** Number of the current or last socket. */
  readonly socket: number;
  /** Failures since a connection last held. */
  readonly failures: number;
  /** The last token was refused or has expired, and this attempt asks for a fresh one. */
  readonly refreshing: boolean;
  /** When `due` is to be raised; Infinity for never. */
  readonly dueMs: number;
  /** Since when the hub has answered. */
  readonly onlineMs: number;
  /** Silence after which the hub counts as gone. */
  readonly deadMs: number;
  /** While draining: when to reconnect. */
  readonly slotMs: number;
}

export type LinkEvent =
  | { readonly type: 'start' }
  | { readonly type: 'opened'; readonly socket: number }
  | { readonly type: 'welcomed'; readonly socket: number; readonly deadMs: number }
  | { readonly type: 'heard'; readonly socket: number }
  | { readonly type: 'drained'; readonly socket: number; readonly reconnectInMs: number }
  | { readonly type: 'lost'; readonly socket: number; readonly code: number }
  | { readonly type: 'due' }
  | { readonly type: 'wake' }
  | { readonly type: 'stop' };

/**
 * `open`: a new socket, numbered as in the state. `drop`: the socket, at once. `bye`: the socket, politely. `ping`: on a
 * link that is open, else nothing.
 */
export type LinkEffect = 'open' | 'drop' | 'ping' | 'bye';

export interface LinkSettings {
  /** Bound of the first wait and of any wait; each is random below (full jitter). */
  readonly minMs: number;
  readonly maxMs: number;
  /** Whether asking for a token again can give another one. */
  readonly canRefresh: boolean;
}

/** What a transition may look at besides state and event. */
export interface LinkContext {
  readonly nowMs: number;
  /** From 0 up to, not including, 1. */
  readonly random: number;
  readonly settings: LinkSettings;
}

export interface LinkStep {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** How long an attempt to connect, or to be welcomed, may take. */
export const ATTEMPT_MS = 10_000;
/** How long after a wake-up a connection, or an attempt at one, has to show a sign of life. */
export const PROBE_MS = 3_000;
/** A connection that lasted this long was a success. */
export const STABLE_MS = 5_000;

export const IDLE: LinkState = {
  kind: 'idle',
  socket: 0,
  failures: 0,
  refreshing: false,
  dueMs: Infinity,
  onlineMs: 0,
  deadMs: 0,
  slotMs: Infinity,
};

type Transition<T extends LinkEvent['type']> = (
  state: LinkState,
  event: Extract<LinkEvent, { type: T }>,
  context: LinkContext,
) => LinkStep;

const to = (state: LinkState, changes: Partial<LinkState>, ...effects: LinkEffect[]): LinkStep => ({
  state: { ...state, ...changes },
  effects,
});

const stay = (state: LinkState): LinkStep => ({ state, effects: [] });

const connect = (state: LinkState, _: LinkEvent, { nowMs }: LinkContext): LinkStep =>
  to(state, { kind: 'connecting', socket: state.socket + 1, dueMs: nowMs + ATTEMPT_MS }, 'open');

const greet: Transition<'opened'> = (state, _, { nowMs }) =>
  to(state, { kind: 'greeting', dueMs: nowMs + ATTEMPT_MS });

const enter: Transition<'welcomed'> = (state, { deadMs }, { nowMs }) =>
  to(state, {
    kind: 'online',
    refreshing: false,
    deadMs,
    onlineMs: nowMs,
    dueMs: nowMs + deadMs,
    slotMs: Infinity,
  });

const hear: Transition<'heard'> = (state, _, { nowMs }) =>
  to(state, { dueMs: Math.min(nowMs + state.deadMs, state.slotMs) });

const drain: Transition<'drained'> = (state, { reconnectInMs }, { nowMs }) => {
  const slotMs = nowMs + reconnectInMs;
  return to(state, { kind: 'draining', failures: 0, slotMs, dueMs: Math.min(state.dueMs, slotMs) });
};

/**
 * What was begun before the sleep may be dead without knowing it. Failures of that time say nothing about the hub: a
 * browser reports the death of a frozen page's socket only after it woke the page.
 */
const probe: Transition<'wake'> = (state, _, { nowMs }) =>
  to(state, { failures: 0, dueMs: Math.min(state.dueMs, nowMs + PROBE_MS) }, 'ping');

const hurry: Transition<'wake'> = (state, event, context) =>
  connect({ ...state, failures: 0 }, event, context);

/** Waits a random time below a bound that doubles with each failure. */
function backOff(
  state: LinkState,
  { nowMs, random, settings }: LinkContext,
  ...effects: LinkEffect[]
): LinkStep {
  const lasted = isOpen(state.kind) && nowMs - state.onlineMs >= STABLE_MS;
  const failures = lasted ? 0 : state.failures;
  const boundMs = Math.min(settings.maxMs, settings.minMs * 2 ** Math.min(failures, 30));
  const dueMs = nowMs + random * boundMs;
  return to(state, { kind: 'waiting', failures: failures + 1, dueMs }, ...effects);
}

const giveUp: Transition<'due'> = (state, _, context) => backOff(state, context, 'drop');

/** A token that does no more is replaced at once, where it can be; one after the other that has expired, by and by. */
const fail: Transition<'lost'> = (state, event, context) => {
  const { code } = event;
  const { canRefresh } = context.settings;
  const hasExpired = code === CLIENT_ERROR_CODES['token-expired'];
  if ((hasExpired || code === CLIENT_ERROR_CODES.unauthorized) && canRefresh && !state.refreshing)
    return connect({ ...state, refreshing: true }, event, context);
  if (retryOfCode(code) === 'never' || (hasExpired && !canRefresh))
    return to(state, { kind: 'closed', dueMs: Infinity });
  return backOff(state, context);
};

/** The hub is gone before this client's turn to come back. */
const failDraining: Transition<'lost'> = (state, event, context) => {
  if (retryOfCode(event.code) === 'never') return fail(state, event, context);
  return to(state, { kind: 'waiting', dueMs: Math.max(context.nowMs, state.slotMs) });
};

/** While draining: the slot has come, or the hub has fallen silent. */
const leave: Transition<'due'> = (state, event, context) =>
  context.nowMs >= state.slotMs ? connect(state, event, context) : giveUp(state, event, context);

const closeBy =
  (effect: LinkEffect): Transition<'stop'> =>
  (state) =>
    to(state, { kind: 'closed', dueMs: Infinity }, effect);

const close = closeBy('drop');
const sayBye = closeBy('bye');

type Row = { readonly [T in LinkEvent['type']]?: Transition<T> };

/** What is not said of a state changes nothing in it; which cells there are, the table in the test holds. */
export const LINK_TABLE: Readonly<Record<LinkKind, Row>> = {
  idle: { start: connect, stop: close },
  connecting: { opened: greet, lost: fail, due: giveUp, wake: probe, stop: close },
  greeting: { welcomed: enter, lost: fail, due: giveUp, wake: probe, stop: close },
  online: { heard: hear, drained: drain, lost: fail, due: giveUp, wake: probe, stop: sayBye },
  draining: {
    heard: hear,
    drained: drain,
    lost: failDraining,
    due: leave,
    wake: probe,
    stop: sayBye,
  },
  waiting: { due: connect, wake: hurry, stop: close },
  closed: {},
};

/** Whether frames may be sent. */
export const isOpen = (kind: LinkKind): boolean => kind === 'online' || kind === 'draining';

/** The next state and what to do. */
export function step(state: LinkState, event: LinkEvent, context: LinkContext): LinkStep {
  if ('socket' in event && event.socket !== state.socket) return stay(state);
  if (event.type === 'due' && context.nowMs < state.dueMs) return stay(state);
  const transition = LINK_TABLE[state.kind][event.type] as Transition<LinkEvent['type']> | undefined;
  return transition?.(state, event as never, context) ?? stay(state);
}
