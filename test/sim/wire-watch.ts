/**
 * What passes the ends of the network, given to the accounts that it concerns. Only passes on what was seen; what it
 * means is decided in the accounts.
 */
import {
  type ClientFrame,
  decodeClientMessage,
  decodeClientMessageBinary,
  errorOfCode,
  type ServerFrame,
} from '@ringhub/protocol';
import type { Message } from '../../server/src/ports/transport.ts';
import type { Application } from './application.ts';
import type { Wire, WireTap } from './network.ts';
import { CREW } from './permits.ts';
import type { Reader } from './reader.ts';
import type { Simulation } from './simulation.ts';
import { tokenOf } from './tokens.ts';

/** What one hub process said, counted from outside. */
export interface Told {
  deliveries: number;
  gaps: number;
  resumed: number;
  lost: number;
}

export class WireWatch implements WireTap {
  readonly #told = new Map<number, Told>();

  constructor(private readonly simulation: Simulation) {}

  toldBy(process: number): Told {
    let told = this.#told.get(process);
    if (!told) {
      told = { deliveries: 0, gaps: 0, resumed: 0, lost: 0 };
      this.#told.set(process, told);
    }
    return told;
  }

  clientSent(wire: Wire, message: Message): void {
    const application = this.simulation.applications.get(wire.client);
    if (!application) return;
    for (const frame of framesOf(message)) {
      switch (frame.type) {
        case 'subscribe':
          if (!application.byRef.has(frame.ref))
            application.byRef.set(frame.ref, application.unsent.shift()!);
          break;
        case 'ack': {
          const reader = this.#readerOf(application, wire.process, frame.queue);
          this.#acked(reader, frame.upTo, frame.ranges);
          break;
        }
        case 'hello':
          this.#clientSaysHello(application, frame);
          break;
        case 'invalid':
          this.simulation.world.fail('client-frame', `${wire.client} sent ${message.slice(0, 200)}`);
          break;
        default:
      }
    }
  }

  #clientSaysHello(application: Application, { resume }: Extract<ClientFrame, { type: 'hello' }>): void {
    for (const { queue, lastTag, ackedUpTo, ackedRanges, cursor, options } of resume?.queues ?? []) {
      const reader = application.readers.find((r) => r.account?.id === queue && !r.isOver);
      if (!reader) continue;
      if (reader.lastTag !== lastTag) {
        this.simulation.world.fail(
          'resume-tag',
          `${reader.name} resumes after ${lastTag}, having got ${reader.lastTag}`,
        );
      }
      this.#acked(reader, ackedUpTo, ackedRanges);
      if ('bindings' in options) reader.resumes(ackedUpTo, cursor, options.bindings);
    }
  }

  #acked(reader: Reader | undefined, upTo: number, ranges: readonly (readonly [number, number])[]): void {
    if (!reader) return;
    reader.acked(reader.ackedUpTo + 1, upTo);
    reader.ackedUpTo = Math.max(reader.ackedUpTo, upTo);
    for (const [from, to] of ranges) reader.acked(from, to);
  }

  #readerOf(application: Application, process: number, queue: number): Reader | undefined {
    return application.readers.find((r) => r.account?.id === queue && r.account.process === process);
  }

  clientReceived(wire: Wire, frames: readonly ServerFrame[]): void {
    const application = this.simulation.applications.get(wire.client);
    if (!application) return;
    for (const frame of frames) {
      if (frame.type === 'ok' && frame.result && 'queue' in frame.result) {
        const reader = application.byRef.get(frame.ref);
        const account = this.simulation.account(wire.process, frame.result.queue);
        if (reader && account) reader.begin(account);
      } else if (frame.type === 'welcome') {
        this.#clientWelcomed(application, wire, frame);
      } else if (frame.type === 'deliver') {
        const reader = this.#readerOf(application, wire.process, frame.queue);
        if (reader) reader.arrived(frame);
      }
    }
  }

  #clientWelcomed(
    application: Application,
    wire: Wire,
    frame: Extract<ServerFrame, { type: 'welcome' }>,
  ): void {
    application.welcomes++;
    if (application.welcomes > 1) {
      const { lostSessions, resumed } = this.simulation.publications;
      (frame.resumed ? resumed : lostSessions).add(`${application.subject} ${application.instance}`);
    }
    const results = new Map(frame.queues.map((result) => [result.was, result]));
    for (const reader of application.readers) {
      if (reader.isOver) continue;
      const result = reader.account && results.get(reader.account.id);
      if (!result || !('queue' in result)) continue;
      if (frame.resumed && result.queue === result.was) reader.mayJump = true;
      else {
        const account = this.simulation.account(wire.process, result.queue);
        if (account) reader.begin(account);
      }
    }
  }

  hubReceived(wire: Wire, message: Message): void {
    if (wire.hello && !hasToken(message)) return;
    for (const frame of framesOf(message)) {
      if (frame.type === 'hello') wire.hello ??= frame;
      if (frame.type !== 'hello' && frame.type !== 'auth') continue;
      const token = tokenOf(frame.token);
      if (!wire.token || (token && token.expiresAtMs > wire.token.expiresAtMs)) wire.token = token;
    }
  }

  hubSent(wire: Wire, frames: readonly ServerFrame[]): void {
    this.simulation.crew?.account.hear(wire.client, wire.process, frames, (queue) =>
      this.simulation.permits.mayConsume(CREW, queue),
    );
    for (const frame of frames) {
      if (frame.type === 'deliver') this.simulation.guards.delivers(wire);
      if (frame.type === 'deliver' || frame.type === 'mark') this.delivered(wire.process, frame);
      else if (frame.type === 'welcome') this.#hubWelcomes(wire, frame);
      else if (frame.type === 'error' || frame.type === 'refused') {
        this.simulation.reach(`${frame.type} ${errorOfCode(frame.code)?.name}`);
      } else if (frame.type === 'confirm') {
        for (const { duplicate } of frame.runs) if (duplicate) this.simulation.reach('confirm duplicate');
      }
    }
  }

  /** What a hub process hands out for a queue, over a socket or to a listener. */
  delivered(process: number, frame: Extract<ServerFrame, { type: 'deliver' | 'mark' }>): void {
    const account = this.simulation.account(process, frame.queue);
    if (frame.type === 'mark') {
      account?.marked(frame.cursor);
      return;
    }
    const told = this.toldBy(process);
    told.deliveries += frame.items.length;
    for (const item of frame.items) {
      if (item.kind !== 'gap') continue;
      told.gaps++;
      for (const { reason } of [item.gap, ...item.gap.ranges]) this.simulation.reach(`gap ${reason}`);
    }
    for (const [, note] of frame.notes)
      for (const what of Object.keys(note)) this.simulation.reach(`note ${what}`);
    account?.sent(frame, (log) => this.simulation.hub.engine.bounds(log).first);
  }

  hubClosed(_: Wire, code: number): void {
    this.simulation.reach(`close ${errorOfCode(code)?.name ?? code}`);
  }

  #hubWelcomes(wire: Wire, frame: Extract<ServerFrame, { type: 'welcome' }>): void {
    this.simulation.guards.welcomed(wire);
    const told = this.toldBy(wire.process);
    if (wire.hello?.resume) this.simulation.reach(frame.resumed ? 'resumed' : 'begun anew');
    if (frame.resumed) told.resumed++;
    else if (wire.hello?.resume) told.lost++;
    if (!this.simulation.unlucky.delete(wire.client)) return;
    this.simulation.world.note(`the welcome of ${wire.client} is lost`);
    this.simulation.world.after(0, 'cut', () => wire.end.link.cut('lost'));
  }
}

/** Whether a message may hold a frame `auth`: reading each a second time would cost much. */
const hasToken = (message: Message): boolean =>
  typeof message === 'string' ? message.includes('"auth"') : true;

const framesOf = (message: Message) =>
  typeof message === 'string' ? decodeClientMessage(message) : decodeClientMessageBinary(message);
