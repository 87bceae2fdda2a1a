/**
 * The gateway: connections on one side, the hub's commands on the other (PROTOCOL §2–§4).
 *
 *   hello ── token asked for ─► authenticating ─► open ─► closed
 *
 * Decodes frames, asks the auth port who is there, and keeps time for each connection: the hello's deadline, the
 * heartbeat both ways. A frame with a wrong field costs its command; what is no frame at all ends the connection.
 */
import {
  type ClientFrame,
  ERRORS,
  type ErrorEntry,
  type ErrorName,
  type Hello,
  type Invalid,
} from '@ringhub/protocol';
import { addressGroup } from './core/address-group.ts';
import { frameCost } from './core/frame-cost.ts';
import type { HubCodec } from './core/hub-codec.ts';
import type { NodeLimits } from './core/limits.ts';
import type { Link, Session } from './core/session.ts';
import { Tally } from './core/tally.ts';
import { TokenBucket } from './core/token-bucket.ts';
import type { Hub } from './hub/hub.ts';
import { type Admission, type Auth, isDenial } from './ports/auth.ts';
import type { Clock } from './ports/clock.ts';
import type { Message, Socket, SocketHandler } from './ports/transport.ts';

export interface GatewayOptions {
  readonly hub: Hub;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly limits: NodeLimits;
  readonly onFault?: (fault: string, error?: unknown) => void;
}

const TICK_MS = 1000;
/** What a client may send while its token is being checked. */
const MAX_EARLY_BYTES = 64 * 1024;
/** How often a drain looks whether all is settled. */
const DRAIN_POLL_MS = 50;

export class Gateway {
  private readonly connections = new Set<Connection>();
  /** Sessions whose last connection broke over a limit that their client was not told of. */
  private readonly untold: Untold = new WeakMap();
  /** Connections by address. */
  private readonly addresses = new Tally();
  private readonly timer: { stop(): void };

  constructor(private readonly options: GatewayOptions) {
    this.timer = options.clock.every(TICK_MS, () => this.tick());
  }

  /** A transport has a new connection. */
  accept(socket: Socket): SocketHandler {
    const address = addressGroup(socket.address);
    if (this.addresses.of(address) >= this.options.limits.maxConnectionsPerAddress) {
      socket.close(ERRORS['too-many-connections'].code, ERRORS['too-many-connections'].text);
      return NOBODY;
    }
    const connection = new Connection(socket, address, this.options, this.untold, this.gone);
    this.connections.add(connection);
    this.addresses.add(address);
    return connection;
  }

  /**
   * Ends all connections in good order: clients are told when to come back, what is on its way may still be
   * acknowledged, then they are closed.
   *
   * @param windowMs clients come back spread over this time
   * @param graceMs how long to wait for acks
   */
  drain(windowMs: number, graceMs: number, done: () => void): void {
    const { hub, clock } = this.options;
    hub.announceDrain(windowMs);
    const deadlineMs = clock.nowMs() + graceMs;
    const poll = (): void => {
      if (!hub.isSettled && clock.nowMs() < deadlineMs) {
        clock.after(DRAIN_POLL_MS, poll);
        return;
      }
      hub.closeConnections();
      for (const connection of this.connections) connection.end(ERRORS.draining);
      done();
    };
    poll();
  }

  close(): void {
    this.timer.stop();
  }

  private readonly gone = (connection: Connection): void => {
    if (this.connections.delete(connection)) this.addresses.remove(connection.addressGroup);
  };

  private tick(): void {
    for (const connection of this.connections) {
      try {
        connection.tick();
      } catch (error) {
        this.options.onFault?.('a heartbeat failed', error);
        connection.end(ERRORS.internal);
      }
    }
  }
}

/** Whom a connection that was refused speaks to. */
const NOBODY: SocketHandler = { message: () => {}, drained: () => {}, closed: () => {} };

type Frame = ClientFrame | Invalid;
type Untold = WeakMap<Session, ErrorEntry>;

class Connection implements Link, SocketHandler {
  private state: 'hello' | 'authenticating' | 'open' | 'closed' = 'hello';
  readonly codec: HubCodec;
  private session: Session | undefined;
  private readonly openedMs: number;
  private heardMs: number;
  private beatMs: number;
  /** Frames that came while the token was being checked. */
  private early: Frame[] | undefined;
  private earlyBytes = 0;
  /** What it may still send, once it is open. */
  private frames: TokenBucket | undefined;
  /** A newer token is being checked. */
  private isRenewing = false;

  constructor(
    private readonly socket: Socket,
    readonly addressGroup: string,
    private readonly options: GatewayOptions,
    private readonly untold: Untold,
    private readonly gone: (connection: Connection) => void,
  ) {
    this.codec = options.hub.codecOf(socket.subprotocol);
    this.openedMs = this.heardMs = this.beatMs = options.clock.nowMs();
  }

  // ── as the transport's handler ──

  message(message: Message): void {
    this.heardMs = this.options.clock.nowMs();
    if (this.state === 'closed') return;
    if (this.state === 'authenticating') this.earlyBytes += message.length;
    // What came with the hello, or before it was answered, says nothing about the welcome.
    if (this.state === 'open') this.session?.tokens.prove();
    try {
      if (this.earlyBytes > MAX_EARLY_BYTES) this.fail('hello-expected');
      else this.read(this.codec.decode(message));
    } catch (error) {
      this.options.onFault?.('a frame could not be handled', error);
      this.end(ERRORS.internal);
    }
  }

  drained(): void {
    if (this.session && this.state === 'open') this.options.hub.drained(this.session);
  }

  closed(cause?: 'frame-too-large'): void {
    if (cause && this.session && this.state === 'open') this.untold.set(this.session, ERRORS[cause]);
    this.leave();
  }

  // ── as the session's link ──

  get bufferedBytes(): number {
    return this.socket.bufferedBytes;
  }

  send(message: Message): void {
    if (this.state !== 'closed') this.socket.send(message);
  }

  end(why: ErrorEntry | 'bye'): void {
    if (this.state === 'closed') return;
    if (why === 'bye') this.socket.close(1000, 'bye');
    else this.socket.close(why.code, why.text);
    this.leave();
  }

  // ── its own ──

  /** Deadlines of hello and silence; the heartbeat. */
  tick(): void {
    const { clock, hub, limits } = this.options;
    const nowMs = clock.nowMs();
    if (this.state === 'open') {
      if (nowMs - this.heardMs > limits.deadMs) {
        this.end(ERRORS['heartbeat-timeout']);
      } else if (nowMs - this.beatMs >= limits.heartbeatMs) {
        this.beatMs = nowMs;
        hub.beat(this.session!);
      }
    } else if (nowMs - this.openedMs > limits.helloTimeoutMs) {
      this.end(ERRORS['hello-timeout']);
    }
  }

  private get isClosed(): boolean {
    return this.state === 'closed';
  }

  private leave(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.early = undefined;
    this.gone(this);
    if (this.session) this.options.hub.lost(this.session, this);
  }

  /** What was answered before a fatal error is still said. */
  private fail(error: ErrorName): void {
    if (this.session && this.state === 'open') this.options.hub.flush(this.session);
    this.end(ERRORS[error]);
  }

  private read(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (this.state === 'closed') return;
      if (this.state === 'authenticating') this.wait(frame);
      else if (this.frames?.take(frameCost(frame.type), this.heardMs) === false) this.fail('rate-limited');
      else if (frame.type === 'invalid' && frame.fatal) this.fail(frame.error);
      else if (this.state === 'open') this.handle(frame);
      else if (frame.type === 'hello') this.greet(frame);
      else this.fail('hello-expected');
    }
  }

  private wait(frame: Frame): void {
    this.early ??= [];
    this.early.push(frame);
  }

  private handle(frame: Frame): void {
    const { hub } = this.options;
    const session = this.session!;
    switch (frame.type) {
      case 'ping':
        hub.answerPing(session);
        return;
      case 'pong':
        return;
      case 'hello':
        this.fail('hello-expected');
        return;
      case 'auth':
        this.renew(session, frame);
        return;
      case 'invalid': {
        const error = hub.handleInvalid(session, frame);
        if (error) this.fail(error);
        return;
      }
      default: {
        const error = hub.handle(session, frame);
        if (error) this.fail(error);
      }
    }
  }

  private greet(hello: Hello): void {
    const answer = this.authenticate(hello.token);
    if (!(answer instanceof Promise)) {
      this.open(hello, answer);
      return;
    }
    this.state = 'authenticating';
    answer
      .then((admission) => this.authenticated(hello, admission))
      .catch((error: unknown) => {
        this.options.onFault?.('a token could not be checked', error);
        this.end(ERRORS.internal);
      });
  }

  private authenticate(token: string | undefined): Admission | Promise<Admission> {
    return this.options.auth.authenticate(token, this.socket.address);
  }

  /** One newer token at a time: each costs a check. */
  private renew(session: Session, { ref, token }: Extract<ClientFrame, { type: 'auth' }>): void {
    const { hub } = this.options;
    if (this.isRenewing) {
      hub.renew(session, ref, { error: 'unavailable' });
      return;
    }
    const conclude = (admission: Admission): void => {
      this.isRenewing = false;
      // Meanwhile the session may be another connection's.
      if (this.state === 'open')
        hub.renew(session, ref, isDenial(admission) ? { error: admission.denied } : admission);
    };
    const answer = this.authenticate(token);
    if (!(answer instanceof Promise)) {
      conclude(answer);
      return;
    }
    this.isRenewing = true;
    answer.then(conclude).catch((error: unknown) => {
      this.options.onFault?.('a token could not be checked', error);
      this.end(ERRORS.internal);
    });
  }

  private authenticated(hello: Hello, admission: Admission): void {
    if (this.state !== 'authenticating') return;
    this.state = 'hello';
    this.open(hello, admission);
    const { early = [] } = this;
    this.early = undefined;
    this.earlyBytes = 0;
    this.read(early);
  }

  private open(hello: Hello, admission: Admission): void {
    if (isDenial(admission)) {
      this.fail(admission.denied);
      return;
    }
    const opened = this.options.hub.open(admission, hello, this);
    if ('code' in opened) {
      this.end(opened);
      return;
    }
    // The answer itself may have been too much for the connection.
    if (this.isClosed) {
      this.options.hub.lost(opened, this);
      return;
    }
    this.session = opened;
    this.state = 'open';
    const { maxFramesPerSec: perSec, maxFramesBurst: burst } = opened.limits;
    this.frames = new TokenBucket({ perSec, burst }, this.heardMs);
    // A client that does not know would resume and send the same again, for ever.
    const untold = this.untold.get(opened);
    if (untold && this.untold.delete(opened)) this.end(untold);
  }
}
