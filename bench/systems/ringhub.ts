/**
 * The built hub as it is started by anybody, on either transport and in either codec, with its store, and a client that does
 * what the SDK does: a subscription with ack auto and every default, publishes in its window, lazy cumulative acks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerFrame, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@ringhub/protocol';
import type { Tally } from '../load/tally.ts';
import { type LoadSocket, LoadSockets } from '../load/web-socket.ts';
import { onServerCore } from '../support/cores.ts';
import { HubProcess } from '../support/hub-process.ts';
import { ownVersion } from '../support/program-version.ts';
import { BinaryWire, JsonWire, type Wire } from './ringhub-wire.ts';
import type { Ability, Peer, RunningSystem, System } from './system.ts';

export type Codec = 'json' | 'binary';

/** As the SDK's: acks leave once a quarter of the prefetch waits, 64 at most, or after so long. */
const ACK_EVERY = 64;
const ACK_AFTER_MS = 100;

export class Ringhub implements System {
  readonly name: string;
  readonly can: ReadonlySet<Ability> = new Set(['fan-out', 'patterns', 'acks']);

  constructor(
    private readonly transport: 'ws' | 'uws',
    private readonly codec: Codec,
    private readonly profileDir?: string,
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
    const nodeArgs = this.profileDir ? ['--cpu-prof', `--cpu-prof-dir=${this.profileDir}`] : [];
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

  async connect(tally: Tally): Promise<RinghubPeer> {
    const { port } = new URL(this.hub.httpUrl);
    const subprotocol = this.codec === 'json' ? SUBPROTOCOL_JSON : SUBPROTOCOL_BINARY;
    const socket = await this.sockets.open({ port: Number(port), path: '/v1/ws', subprotocol });
    const wire = this.codec === 'json' ? new JsonWire(tally) : new BinaryWire(tally);
    const peer = new RinghubPeer(socket, wire, this.acking);
    await peer.hello(this.hub.token);
    return peer;
  }

  async stop(): Promise<void> {
    clearInterval(this.ackTimer);
    this.sockets.closeAll();
    await this.hub.stop();
    this.clean();
  }
}

export class RinghubPeer implements Peer {
  confirmed = 0;
  published = 0;
  private window = 1;
  private ref = 0;
  private ackedTag = 0;
  private queue = 0;
  private readonly waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  private onWelcome: ((frame: Extract<ServerFrame, { type: 'welcome' }>) => void) | undefined;

  constructor(
    readonly socket: LoadSocket,
    private readonly wire: Wire,
    private readonly acking: Set<RinghubPeer>,
  ) {
    socket.onFrame = (bytes, start, end) => {
      const hadTag = wire.lastTag;
      wire.read(bytes, start, end, this.take);
      if (wire.lastTag === hadTag) return;
      if (wire.lastTag - this.ackedTag >= ACK_EVERY) this.ack();
      else this.acking.add(this);
    };
  }

  get reads(): number {
    return this.socket.reads;
  }

  get room(): number {
    return this.window - (this.published - this.confirmed);
  }

  async hello(token: string): Promise<void> {
    const welcomed = new Promise<void>((resolve) => {
      this.onWelcome = ({ publishWindow }) => {
        this.window = publishWindow.messages;
        resolve();
      };
    });
    this.wire.frame(this.socket, { type: 'hello', version: 1, token });
    await welcomed;
  }

  async subscribe(patterns: readonly string[]): Promise<void> {
    await this.command({
      type: 'subscribe',
      options: { bindings: patterns.map((pattern) => ['amq.topic', pattern]) },
    });
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

  command(frame: { type: 'subscribe'; options: { bindings: [string, string][] } }): Promise<void> {
    const ref = ++this.ref;
    return new Promise((resolve, reject) => {
      this.waiting.set(ref, { resolve, reject });
      this.wire.frame(this.socket, { ...frame, ref });
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private readonly take = (frame: ServerFrame): void => {
    switch (frame.type) {
      case 'welcome':
        this.onWelcome?.(frame);
        return;
      case 'confirm':
        for (const run of frame.runs) this.confirmed += run.count;
        this.wire.tally.onProgress();
        return;
      case 'ok':
        if (frame.result && 'queue' in frame.result) this.queue = frame.result.queue;
        this.waiting.get(frame.ref)?.resolve();
        this.waiting.delete(frame.ref);
        return;
      case 'error':
        this.waiting.get(frame.ref ?? 0)?.reject(new Error(frame.text));
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
