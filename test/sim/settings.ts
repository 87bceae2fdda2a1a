/**
 * What one run is like: bounds, timings and how often each kind of trouble comes, drawn from its seed. Each run has
 * only some kinds of trouble, so that rare states are reached by runs that do little else.
 */
import type { NodeLimits, SessionLimits } from '../../server/src/core/limits.ts';
import { NODE_LIMITS } from '../../server/src/core/limits.ts';
import type { LogLimits } from '../../server/src/core/volatile-log.ts';
import type { Random } from './random.ts';

/** What can happen in a run; the numbers say how often where it happens at all. */
export const TROUBLES = {
  cut: 8,
  'cut-after-delivery': 3,
  'three-cuts': 3,
  'half-open-client': 2,
  'half-open-hub': 2,
  'half-open-both': 3,
  'stall-client': 5,
  'stall-hub': 3,
  'slow-network': 3,
  'lost-welcome': 4,
  'blocked-client': 3,
  'expired-session': 2,
  'hub-kill': 2,
  'hub-restart': 2,
  'page-sleep': 4,
  'client-crash': 2,
  'client-close': 2,
  subscribe: 6,
  unsubscribe: 3,
  pause: 4,
  prefetch: 4,
  burst: 8,
  'clock-step': 1,
  wake: 2,
  declare: 14,
  'delete-exchange': 6,
  bind: 14,
  unbind: 10,
  link: 12,
  unlink: 5,
  redeclare: 8,
  history: 14,
  'stream-cut': 3,
  'disk-stall': 3,
  'power-cut': 10,
  grant: 14,
  narrow: 10,
  'close-session': 2,
  'revoke-subject': 2,
  'no-tokens': 10,
  'worker-kill': 5,
  'worker-cut': 4,
} as const;

/** What changes routing: only in runs that have such changes at all. */
const REROUTES: readonly Trouble[] = [
  'declare',
  'delete-exchange',
  'redeclare',
  'bind',
  'unbind',
  'link',
  'unlink',
];

/** What changes who may do what: only in runs that have such changes. */
/** What befalls workers on named queues, where there are any. */
const WORK: readonly Trouble[] = ['worker-kill', 'worker-cut'];

const GUARDS: readonly Trouble[] = ['grant', 'narrow', 'close-session', 'revoke-subject', 'no-tokens'];

export type Trouble = keyof typeof TROUBLES;

export interface Settings {
  readonly publishers: number;
  readonly subscribers: number;
  readonly chaosMs: number;
  readonly meanPublishMs: number;
  readonly meanTroubleMs: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly slowHandlerMs: number;
  readonly isAuthLater: boolean;
  readonly payloadBytes: number;
  readonly outboxMessages: number;
  readonly ackDelayMs: number;
  readonly limits: NodeLimits;
  readonly sessionLimits: Partial<SessionLimits>;
  readonly log: LogLimits;
  readonly troubles: readonly Trouble[];
  /** Exchanges of all types come and go, and bindings with them. */
  readonly isRerouted: boolean;
  /** Who may do what changes. */
  readonly isGuarded: boolean;
  /** There is a disk, and what is declared durable lies on it. */
  readonly isDurable: boolean;
  /** Somebody works on named queues. */
  readonly hasCrew: boolean;
  /** How long a sync takes at most. */
  readonly syncMs: number;
  readonly durableLog: LogLimits;
  /** How long a token is good for; Infinity for ever. */
  readonly tokenLifeMs: number;
  /** Readers of event streams. */
  readonly followers: number;
}

export function drawSettings(random: Random): Settings {
  const tightMemory = random.chance(0.25);
  const routing = random.fork('routing');
  const disk = random.fork('disk');
  const guard = random.fork('guard');
  const isDurable = disk.chance(0.65);
  const hasCrew = isDurable && disk.chance(0.4);
  const isGuarded = guard.chance(0.5);
  const isRerouted = routing.chance(0.6);
  const heartbeatMs = random.pick([1_000, 2_000, 4_000]);
  const settings: Settings = {
    publishers: random.int(1, 3),
    subscribers: random.int(2, 6),
    chaosMs: random.pick([5_000, 10_000, 18_000]),
    meanPublishMs: random.pick([40, 80, 160]),
    meanTroubleMs: random.pick([150, 400, 900]),
    latencyMs: random.pick([0, 1, 5, 40]),
    jitterMs: random.pick([0, 2, 30]),
    slowHandlerMs: random.pick([0, 20, 200, 1_000]),
    isAuthLater: random.chance(0.3),
    payloadBytes: random.pick([0, 100, 600]),
    outboxMessages: random.pick([4, 20, 1_000]),
    ackDelayMs: random.pick([0, 20, 100]),
    limits: {
      ...NODE_LIMITS,
      heartbeatMs,
      deadMs: heartbeatMs * 2 + 500,
      helloTimeoutMs: random.pick([500, 3_000]),
      resumeWindowMs: random.pick([1_500, 6_000, 20_000]),
      maxParkedSessions: random.chance(0.15) ? 2 : 100,
      memoryBudgetBytes: tightMemory ? random.int(1_500, 9_000) : 64 * 1024 * 1024,
      maxSocketBufferBytes: random.chance(0.3) ? random.int(500, 4_000) : 1024 * 1024,
      lastPerKeyEntries: random.chance(0.3) ? 3 : 1_000,
      maxRedeliveries: random.int(1, 5),
      // They all come from one.
      maxConnectionsPerAddress: 1_000,
      queueMemoryBytes: disk.chance(0.25) ? 1_500 : NODE_LIMITS.queueMemoryBytes,
    },
    sessionLimits: {
      publishWindowMessages: random.pick([2, 8, 64]),
      // Confirms of a whole window have to fit, or a resume would end in the same overflow again and again.
      maxOutputBytes: random.chance(0.15) ? 9_000 : 1024 * 1024,
      maxSessionBytes: random.chance(0.2) ? random.int(1_500, 6_000) : 1024 * 1024,
      defaultQueueCapacity: 50,
    },
    log: {
      maxMessages: random.pick([10, 40, 10_000]),
      maxBytes: random.chance(0.2) ? 6_000 : 1024 * 1024,
      maxAgeMs: random.chance(0.2) ? 4_000 : 3_600_000,
    },
    troubles: (Object.keys(TROUBLES) as Trouble[]).filter((trouble) =>
      REROUTES.includes(trouble)
        ? isRerouted && routing.chance(0.8)
        : GUARDS.includes(trouble)
          ? isGuarded && guard.chance(0.8)
          : WORK.includes(trouble)
            ? hasCrew
            : random.chance(0.4),
    ),
    isRerouted,
    isGuarded,
    isDurable,
    hasCrew,
    syncMs: disk.pick([0, 3, 30, 200, 200]),
    durableLog: {
      maxMessages: disk.pick([15, 60, 10_000]),
      maxBytes: disk.chance(0.2) ? 8_000 : 1024 * 1024,
      maxAgeMs: disk.chance(0.2) ? 5_000 : 3_600_000,
    },
    tokenLifeMs: guard.pick([Infinity, Infinity, 3_000, 12_000, 30_000]),
    followers: routing.pick([0, 0, 1, 2]),
  };
  // Many at once, who are given little.
  return random.fork('crowd').chance(CROWD)
    ? { ...settings, subscribers: 200, meanPublishMs: 1_200 }
    : settings;
}

/** Share of runs with hundreds of sessions: each is as much work as dozens of others. */
const CROWD = 0.01;
