/**
 * What operators do to those who are connected, and what becomes of tokens: permissions change, sessions are closed, subjects
 * revoked, and tokens run out, are renewed, kept in a cache, or not to be had.
 */
import type { SessionsClosed } from '../../server/src/ports/hub-api.ts';
import type { Application } from './application.ts';
import { OPERATOR } from './hub-process.ts';
import type { Wire } from './network.ts';
import { CREW, GUEST, ROLES, roleOf, WRITER } from './permits.ts';
import type { Random } from './random.ts';
import type { Reader } from './reader.ts';
import type { Trouble } from './settings.ts';
import type { Simulation } from './simulation.ts';
import { NoToken, type Token, textOf } from './tokens.ts';

/** A subject whose older tokens are refused. */
interface Revoked {
  readonly beforeMs: number;
  untilMs: number;
  readonly process: number;
  /** On the disk, if there is one. */
  isStored: boolean;
}

/** The hub looks once a second which tokens have run out. */
const SWEEP_MS = 1_050;

export class Guards {
  /** When the hub's wall clock was set last, on the world's. */
  private clockSetMs = 0;
  #issuerMs = 0;
  readonly #random: Random;
  readonly #tokens = new Map<string, Token>();
  readonly #without = new Set<string>();
  readonly #revoked = new Map<string, Revoked>();

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.world.random.fork('guards');
  }

  make(trouble: Trouble, { subject }: Application): void {
    const { simulation } = this;
    const { world, hub, permits } = simulation;
    switch (trouble) {
      case 'grant': {
        const role = this.#random.pick([GUEST, GUEST, WRITER, CREW] as const);
        if (this.#random.chance(0.4)) permits.grantAll(role);
        else permits.redraw(role, this.#random);
        this.#recheck();
        return;
      }
      case 'narrow':
        this.narrow();
        return;
      case 'close-session': {
        const session = this.#random.pick([...hub.insides.context.sessions.keys()]);
        if (hub.isAlive && session) this.#close({ session });
        return;
      }
      case 'revoke-subject':
        if (hub.isAlive) this.#revoke(subject, this.#random.pick([300, 5_000, 60_000]));
        return;
      case 'no-tokens':
        this.#without.add(subject);
        world.after(this.#random.int(500, 10_000), 'tokens again', () => this.#without.delete(subject));
        return;
      default:
        throw new Error(`nobody makes ${trouble}`);
    }
  }

  /** A binding of a queue that holds something is taken back, and soon after that what it has brought may not be read any more. */
  private narrow(): void {
    const { simulation } = this;
    const holding = [...simulation.running.values()].flatMap((application) =>
      application.readers
        .filter((reader) => !reader.isOver && reader.wishes.bindings.length > 1 && holds(reader))
        .map((reader) => ({ application, reader })),
    );
    const chosen = this.#random.pick(holding);
    if (!chosen || roleOf(chosen.application.subject) !== GUEST) return;
    const { application, reader } = chosen;
    const spec = this.#random.pick(reader.wishes.bindings);
    application.rebind(reader, 'unbind', spec);
    simulation.world.after(this.#random.int(1, 150), 'forbidden', () => {
      if (simulation.isCalm) return;
      if (holds(reader)) simulation.reach('narrowed');
      simulation.permits.forbid(GUEST, spec[0]);
      this.#recheck();
    });
  }

  /** Everybody may do everything, and get tokens. */
  calm(): void {
    this.#without.clear();
    for (const role of ROLES) this.simulation.permits.grantAll(role);
    this.#recheck();
  }

  // ── tokens ──

  /** What an application gets that asks for a token: often the one it had, unless that was refused. */
  async tokenFor(subject: string, reason: string): Promise<string> {
    if (this.#without.has(subject)) throw new NoToken('no tokens are to be had');
    const cached = this.#tokens.get(subject);
    const isCacheGood = reason === 'connect' || reason === 'reconnect';
    if (cached && isCacheGood && this.#random.chance(0.5)) return textOf(cached);
    const { hub, settings } = this.simulation;
    // Whoever issues them has a clock that is not set back.
    this.#issuerMs = Math.max(this.#issuerMs, hub.wallMs, this.#revoked.get(subject)?.beforeMs ?? 0);
    const issuedAtMs = this.#issuerMs;
    const expiresAtMs = hub.wallMs + settings.tokenLifeMs;
    const token = { subject, role: roleOf(subject), issuedAtMs, expiresAtMs };
    this.#tokens.set(subject, token);
    return textOf(token);
  }

  isRevoked(subject: string): boolean {
    return this.#revoked.has(subject);
  }

  /** A session has begun on a connection, or goes on. */
  welcomed({ token, process }: Wire): void {
    const { hub, world } = this.simulation;
    const revoked = token && this.#revoked.get(token.subject);
    if (!revoked || revoked.untilMs <= hub.wallMs || token.issuedAtMs >= revoked.beforeMs) return;
    // What was not on disk yet, a crash may have undone.
    if (process === revoked.process || revoked.isStored)
      world.fail('revoked', `${token.subject} comes in with a token from before`);
  }

  /** Something is delivered over a connection. */
  delivers({ token, client }: Wire): void {
    const { hub, world } = this.simulation;
    if (!token || token.expiresAtMs === Number.POSITIVE_INFINITY) return;
    const isLate = hub.wallMs > token.expiresAtMs + SWEEP_MS && world.nowMs > this.clockSetMs + SWEEP_MS;
    if (isLate) world.fail('expiry', `${client} is served after its token has expired`);
  }

  /** The hub's wall clock was set, from what it said before. What was over by then is over, though its time may come again. */
  clockSet(beforeMs: number): void {
    this.clockSetMs = this.simulation.world.nowMs;
    for (const revoked of this.#revoked.values()) if (revoked.untilMs <= beforeMs) revoked.untilMs = 0;
  }

  // ── operators ──

  #recheck(): void {
    const { hub, watch } = this.simulation;
    if (!hub.isAlive) return;
    const { context } = hub.insides;
    const before = [...context.sessions.values()].reduce((sum, one) => sum + one.subscriptions.size, 0);
    hub.hub.control.recheck();
    const after = [...context.sessions.values()].reduce((sum, one) => sum + one.subscriptions.size, 0);
    if (after < before) this.simulation.reach('purged');
    watch.checkPermissions();
  }

  #close(which: { readonly session: string }): void {
    this.simulation.hub.hub.control.close(OPERATOR, which, () => {});
    this.simulation.reach('session closed');
    if (this.simulation.hub.insides.context.sessions.has(which.session))
      this.simulation.world.fail('revoked', `session ${which.session} was closed, and is there`);
  }

  #revoke(subject: string, forMs: number): void {
    const { hub, world, disk } = this.simulation;
    const before = this.#revoked.get(subject);
    // What a crash may have undone does not make it last longer.
    const isKept = before && (before.process === hub.number || before.isStored);
    const untilMs = Math.max(hub.wallMs + forMs, isKept ? before.untilMs : 0);
    const revoked: Revoked = { beforeMs: hub.wallMs, untilMs, process: hub.number, isStored: false };
    this.#revoked.set(subject, revoked);
    hub.hub.control.close(OPERATOR, { subject, revoke: { forMs } }, (answer) => {
      revoked.isStored = disk !== undefined && !('error' in answer) && (answer as SessionsClosed).revoked;
    });
    this.simulation.reach('subject revoked');
    for (const { principal } of hub.insides.context.sessions.values())
      if (principal.subject === subject) world.fail('revoked', `${subject} was revoked, and has a session`);
  }
}

/** Whether something waits for it that was not sent yet. */
function holds({ account }: Reader): boolean {
  if (!account) return false;
  return account.subscription.queue.ready.messages > 0;
}
