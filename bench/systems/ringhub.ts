/**
 * The built hub as it is started by anybody, on either transport and in either codec, with its store, and a client that does
 * what the SDK does: a subscription with ack auto and every default, publishes in its window, lazy cumulative acks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientFrame,
  type Deliver,
  type Resume,
  type ServerFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
  type SubscribeOptions,
  type Welcome,
} from '@ringhub/protocol';
import { Tally } from '../load/tally.ts';
import { type LoadSocket, LoadSockets } from '../load/web-socket.ts';
import { onServerCore } from '../support/cores.ts';
import { HubProcess } from '../support/hub-process.ts';
import { ownVersion } from '../support/program-version.ts';
import { BinaryWire, JsonWire, type Wire } from './ringhub-wire.ts';
import type { Ability, IngressPeer, Peer, RunningSystem, System } from './system.ts';

export type Codec = 'json' | 'binary';

type Command =
  | Omit<Extract<ClientFrame, { type: 'subscribe' }>, 'ref'>
  | Omit<Extract<ClientFrame, { type: 'unsubscribe' }>, 'ref'>;

/** As the SDK's: acks leave once a quarter of the prefetch waits, 64 at most, or after so long. */
const ACK_EVERY = 64;
const ACK_AFTER_MS = 100;

export class Ringhub implements System {
  readonly name: string;
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks', 'confirms']);

  constructor(
    private readonly transport: 'ws' | 'uws',
    private readonly codec: Codec,
    private readonly options: { readonly profileDir?: string; readonly nodeArgs?: readonly string[] } = {},
  ) {
    this.name = `ringhub-${transport}-${codec}`;
  }

  missing(): string | undefined {
    return undefined;
  }

  version(): string | undefined {
    return ownVersion();
  }

  async start(): Promise<RunningRinghub> {
    const data = mkdtempSync(join(tmpdir(), 'ringhub-bench-'));
    const { profileDir, nodeArgs: given = [] } = this.options;
    const nodeArgs = [...given, ...(profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [])];
    const hub = await HubProcess.start(['--transport', this.transport], {
      data,
      nodeArgs,
      command: onServerCore,
    });
    return new RunningRinghub(hub, this.codec, () => rmSync(data, { recursive: true, force: true }));
  }
}

export class RunningRinghub implements RunningSystem {
  private readonly sockets = new LoadSockets();
  private readonly acking = new Set<RinghubPeer>();
  private readonly ackTimer: ReturnType<typeof setInterval>;

  constructor(
    readonly hub: HubProcess,
    private readonly codec: Codec,
    private readonly clean: () => void,
  ) {
    this.ackTimer = setInterval(() => {
      for (const peer of this.acking) peer.ack();
      this.acking.clear();
    }, ACK_AFTER_MS);
  }

  get pid(): number {
    return this.hub.pid;
  }

  connect(tally: Tally): Promise<RinghubPeer> {
    return this.open(tally);
  }

  async open(tally: Tally, { settles = 'lazily', resume, onFrame }: PeerOptions = {}): Promise<RinghubPeer> {
    const { port } = new URL(this.hub.httpUrl);
    const subprotocol = this.codec === 'json' ? SUBPROTOCOL_JSON : SUBPROTOCOL_BINARY;
    const socket = await this.sockets.open({ port: Number(port), path: '/v1/ws', subprotocol });
    const wire = this.codec === 'json' ? new JsonWire(tally) : new BinaryWire(tally);
    wire.onDeliver = onFrame;
    const peer = new RinghubPeer(socket, wire, settles === 'lazily' ? this.acking : undefined);
    await peer.hello(this.hub.token, resume);
    return peer;
  }

  async ingress(onConfirmed: (count: number) => void): Promise<IngressPeer> {
    const peer = await this.open(new Tally());
    peer.onConfirmed = onConfirmed;
    return {
      window: peer.room,
      publish: (key, message, count) => peer.publishTogether(key, message, count),
      close: () => peer.close(),
    };
  }

  /** All connections are gone at once, as in a failure of the network; their sessions stay parked. */
  cut(): void {
    this.acking.clear();
    this.sockets.closeAll();
  }

  async stop(): Promise<void> {
    clearInterval(this.ackTimer);
    this.sockets.closeAll();
    await this.hub.stop();
    this.clean();
  }
}

export interface PeerOptions {
  /** `never`: it acknowledges only when told to. */
  readonly settles?: 'lazily' | 'never';
  readonly resume?: Resume;
  /** Is given each batch decoded, instead of having it counted where it lies. */
  readonly onFrame?: (frame: Deliver) => void;
}

export class RinghubPeer implements Peer {
  confirmed = 0;
  published = 0;
  private window = 1;
  private ref = 0;
  private ackedTag = 0;
  private queue = 0;
  /** Its options, as a resume repeats them. */
  private options: SubscribeOptions = { bindings: [] };
  welcome: Welcome | undefined;
  onConfirmed: (count: number) => void = () => {};
  private readonly waiting = new Map<number, { resolve(queue: number): void; reject(error: Error): void }>();
  private onWelcome: (() => void) | undefined;

  constructor(
    readonly socket: LoadSocket,
    private readonly wire: Wire,
    acking: Set<RinghubPeer> | undefined,
  ) {
    socket.onFrame = (bytes, start, end) => {
      const hadTag = wire.lastTag;
      wire.read(bytes, start, end, this.take);
      if (wire.lastTag === hadTag || !acking) return;
      if (wire.lastTag - this.ackedTag >= ACK_EVERY) this.ack();
      else acking.add(this);
    };
  }

  get reads(): number {
    return this.socket.reads;
  }

  get room(): number {
    return this.window - (this.published - this.confirmed);
  }

  async hello(token: string, resume?: Resume): Promise<void> {
    const welcomed = new Promise<void>((resolve) => {
      this.onWelcome = resolve;
    });
    this.wire.frame(this.socket, { type: 'hello', version: 1, token, ...(resume ? { resume } : {}) });
    await welcomed;
    // Proves that the new resume token arrived.
    if (resume) this.wire.frame(this.socket, { type: 'ping' });
  }

  async subscribe(patterns: readonly string[], options: Partial<SubscribeOptions> = {}): Promise<void> {
    this.options = { ...options, bindings: patterns.map((pattern) => ['amq.topic', pattern]) };
    this.queue = await this.command({ type: 'subscribe', options: this.options });
  }

  /** What resumes this session, as if nothing of what was sent had arrived. */
  resumption(): Resume {
    const { session, resumeToken } = this.welcome!;
    const { queue, options } = this;
    return {
      session,
      token: resumeToken,
      queues: [{ queue, lastTag: 0, ackedUpTo: 0, ackedRanges: [], cursor: null, options }],
      exchanges: [],
    };
  }

  /** `count` messages in one WebSocket message. */
  publishTogether(key: string, message: string, count: number): void {
    this.wire.publishTogether(this.socket, this.published + 1, key, message, count);
    this.published += count;
  }

  publish(key: string, message: string): void {
    this.published++;
    this.wire.publish(this.socket, this.published, key, message);
  }

  /** Acknowledges all that came. */
  ack(): void {
    if (this.wire.lastTag === this.ackedTag) return;
    this.ackedTag = this.wire.lastTag;
    this.wire.ack(this.socket, this.queue, this.ackedTag);
  }

  /** Resolves with the queue that the answer names, if any. */
  command(frame: Command): Promise<number> {
    const ref = ++this.ref;
    return new Promise((resolve, reject) => {
      this.waiting.set(ref, { resolve, reject });
      this.wire.frame(this.socket, { ...frame, ref } as ClientFrame);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private readonly take = (frame: ServerFrame): void => {
    switch (frame.type) {
      case 'welcome':
        this.welcome = frame;
        this.window = frame.publishWindow.messages;
        if (frame.queues[0] && 'queue' in frame.queues[0]) this.queue = frame.queues[0].queue;
        this.onWelcome?.();
        return;
      case 'confirm':
        for (const { count, duplicate } of frame.runs) {
          if (duplicate) throw new Error('a publish was taken for a duplicate');
          this.confirmed += count;
          this.onConfirmed(count);
        }
        this.wire.tally.onProgress();
        return;
      case 'ok':
        this.waiting
          .get(frame.ref)
          ?.resolve(frame.result && 'queue' in frame.result ? frame.result.queue : 0);
        this.waiting.delete(frame.ref);
        return;
      case 'error':
        if (frame.ref === null) throw new Error(frame.text);
        this.waiting.get(frame.ref)?.reject(new Error(frame.text));
        this.waiting.delete(frame.ref);
        return;
      case 'refused':
        throw new Error(`a publish was refused: ${frame.text}`);
      case 'ping':
        this.wire.frame(this.socket, { type: 'pong' });
        return;
      default:
    }
  };
}
