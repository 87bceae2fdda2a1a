/**
 * One connection: from its handshake to its end (PROTOCOL §3, §4).
 *
 *   hello ── token asked for ─► authenticating ─► open ─► closed
 *
 * Decodes frames, asks the auth port who is there, and keeps time: the hello's deadline, the heartbeat both ways. A frame with a wrong
 * field costs its command; what is no frame at all ends the connection.
 *
 *   message ─► frames, one by one, until the connection's share of the turn is spent ─► the rest waits for the next turn
 */
import {
  type ClientFrame,
  type ClientMessage,
  ERRORS,
  type ErrorEntry,
  type ErrorName,
  type Hello,
  type Invalid,
} from '@ringhub/protocol';
import { frameCost, shareOf, turnCost } from './core/frame-cost.ts';
import type { HubCodec } from './core/hub-codec.ts';
import { InputBacklog } from './core/input-backlog.ts';
import type { NodeLimits } from './core/limits.ts';
import type { Link, Session } from './core/session.ts';
import { TokenBucket } from './core/token-bucket.ts';
import type { Hub } from './hub/hub.ts';
import type { LoopTurns, Waiting } from './loop-turns.ts';
import { type Admission, type Auth, isDenial } from './ports/auth.ts';
import type { Clock } from './ports/clock.ts';
import type { Message, Socket, SocketHandler } from './ports/transport.ts';

export interface ConnectionOptions {
  readonly hub: Hub;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly limits: NodeLimits;
  readonly onFault?: (fault: string, error?: unknown) => void;
}

/** What a client may send while its token is being checked. */
const MAX_EARLY_BYTES = 64 * 1024;
/** A connection with more than this behind is not read from, where its transport can be told so. */
const PAUSE_ABOVE_BYTES = 64 * 1024;
/**
 * Frames that are decoded before the first of them is handled: to take turns with each is slower by a tenth. Where there are commands among
 * them few, so that they do not go far beyond the connection's share.
 */
const SHORT_RUN = 8;
const LONG_RUN = 64;
/** What the frames of a run cost in the mean, where a long one follows. */
const MOST_IN_LONG_RUN = 8;
/** How long one that had too much refused has to wait. */
const SLOWED_MS = 20;

/** Sessions whose last connection broke over a limit that their client was not told of. */
export type Untold = WeakMap<Session, ErrorEntry>;
type Frame = ClientFrame | Invalid;

function nextOf(message: ClientMessage, most: number): Frame[] {
  const frames: Frame[] = [];
  for (let i = 0; i < most; i++) {
    const frame = message.next();
    if (!frame) break;
    frames.push(frame);
  }
  return frames;
}

export class Connection implements Link, SocketHandler, Waiting {
  private state: 'hello' | 'authenticating' | 'open' | 'closed' = 'hello';
  readonly codec: HubCodec;
  private session: Session | undefined;
  private readonly openedMs: number;
  private heardMs: number;
  private beatMs: number;
  /** What came and has to wait: for the next turn, or for the token to be checked. */
  private backlog: InputBacklog | undefined;
  /** What was done of the turn of this number. */
  private spent = 0;
  private turn = -1;
  private isPaused = false;
  /** Its socket is closed, while some of what it sent is not handled yet. */
  private isCut = false;
  /** What it may still send, once it is open. */
  private frames: TokenBucket | undefined;
  /** What may still be refused: of most connections nothing ever is. */
  private refusals: TokenBucket | undefined;
  private slowed: { stop(): void } | undefined;
  /** A newer token is being checked. */
  private isRenewing = false;

  constructor(
    private readonly socket: Socket,
    readonly addressGroup: string,
    private readonly options: ConnectionOptions,
    private readonly turns: LoopTurns,
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
    // What came with the hello, or before it was answered, says nothing about the welcome.
    if (this.state === 'open') this.session?.tokens.prove();
    try {
      if (this.backlog || this.isHeldUp) this.hold(message);
      else this.read(this.codec.read(message));
    } catch (error) {
      this.broken(error);
    }
    this.turns.done();
  }

  drained(): void {
    if (this.session && this.state === 'open') this.options.hub.drained(this.session);
  }

  closed(cause?: 'frame-too-large'): void {
    if (cause && this.session && this.state === 'open') this.untold.set(this.session, ERRORS[cause]);
    // What came before its end counts.
    if (this.backlog && !this.slowed && this.state === 'open') this.isCut = true;
    else this.leave();
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
    this.backlog = undefined;
    this.slowed?.stop();
    this.gone(this);
    if (this.session) this.options.hub.lost(this.session, this);
  }

  /** What was answered before a fatal error is still said. */
  private fail(error: ErrorName): void {
    if (this.session && this.state === 'open') this.options.hub.flush(this.session);
    this.end(ERRORS[error]);
  }

  private broken(error: unknown): void {
    this.options.onFault?.('a frame could not be handled', error);
    this.end(ERRORS.internal);
  }

  /** Handles the frames of a message; false where the rest has to wait. */
  private read(message: ClientMessage): boolean {
    const share = this.shareOfTurn();
    let most = this.state === 'open' ? SHORT_RUN : 1;
    while (this.spent < share && !this.isHeldUp) {
      const before = this.spent;
      const wanted = Math.min(most, share - before);
      const frames = nextOf(message, wanted);
      for (const frame of frames) {
        this.spent += turnCost(frame);
        this.receive(frame);
        if (this.isClosed) return true;
      }
      if (frames.length < wanted) return true;
      most = this.spent - before <= MOST_IN_LONG_RUN * frames.length ? LONG_RUN : SHORT_RUN;
    }
    this.backlog ??= new InputBacklog(message);
    if (!this.isHeldUp) this.turns.wait(this);
    return false;
  }

  /** Until its token is checked, or until what it had refused is forgiven. */
  private get isHeldUp(): boolean {
    return this.state === 'authenticating' || this.slowed !== undefined;
  }

  /** All of it, of which `spent` is gone. The turn does not end while a message is read. */
  private shareOfTurn(): number {
    const turn = this.turns.current;
    if (this.turn !== turn) {
      this.turn = turn;
      this.spent = 0;
    }
    return shareOf(this.backlog?.bytes ?? 0);
  }

  private receive(frame: Frame): void {
    if (this.frames?.take(frameCost(frame.type), this.heardMs) === false) this.fail('rate-limited');
    else if (frame.type === 'invalid' && frame.fatal) this.fail(frame.error);
    else if (this.state === 'open') this.handle(frame);
    else if (frame.type === 'hello') this.greet(frame);
    else this.fail('hello-expected');
  }

  /** Refusing costs the hub more than sending what is refused costs its client. */
  private refused(session: Session): void {
    const { clock } = this.options;
    const { maxRefusalsPerSec: perSec, maxRefusalsBurst: burst } = session.limits;
    this.refusals ??= new TokenBucket({ perSec, burst }, clock.nowMs());
    if (this.refusals.take(1, clock.nowMs()) || this.isClosed) return;
    if (this.isCut) {
      this.leave();
      return;
    }
    this.slowed ??= clock.after(SLOWED_MS, () => {
      this.slowed = undefined;
      this.goOn();
    });
  }

  private hold(message: Message): void {
    this.backlog ??= new InputBacklog(undefined);
    this.backlog.push(message);
    const { bytes } = this.backlog;
    if (this.state === 'authenticating') {
      if (bytes > MAX_EARLY_BYTES) this.fail('hello-expected');
    } else if (bytes > this.options.limits.maxBacklogBytes) {
      this.fail('rate-limited');
    } else if (bytes > PAUSE_ABOVE_BYTES && !this.isPaused) {
      this.isPaused = true;
      this.socket.pause?.();
    }
  }

  /** Takes up what had to wait. */
  goOn(): void {
    const { backlog } = this;
    try {
      if (backlog && this.readAll(backlog)) this.caughtUp();
    } catch (error) {
      this.broken(error);
    }
    this.turns.done();
  }

  private readAll(backlog: InputBacklog): boolean {
    for (let message = backlog.message(this.codec); message; message = backlog.message(this.codec)) {
      if (!this.read(message) || this.isClosed) return false;
      backlog.finish();
    }
    return true;
  }

  private caughtUp(): void {
    this.backlog = undefined;
    if (this.isPaused) this.socket.resume?.();
    this.isPaused = false;
    if (this.isCut) this.leave();
  }

  private handle(frame: Frame): void {
    const { hub } = this.options;
    const session = this.session!;
    const { refusals } = session;
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
        break;
      }
      default: {
        const error = hub.handle(session, frame);
        if (error) this.fail(error);
      }
    }
    if (session.refusals > refusals) this.refused(session);
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
    this.goOn();
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
