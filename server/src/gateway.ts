/**
 * The gateway: connections on one side, the hub's commands on the other (PROTOCOL §2–§4).
 *
 * Takes the sockets of a transport, as many as an address may have, keeps time for all of them, and drains them. What one of them says is
 * its connection's affair (connection.ts).
 */
import { ERRORS } from '@ringhub/protocol';
import { Connection, type ConnectionOptions, type Untold } from './connection.ts';
import { addressGroup } from './core/address-group.ts';
import { Tally } from './core/tally.ts';
import { LoopTurns } from './loop-turns.ts';
import type { Socket, SocketHandler } from './ports/transport.ts';

export type GatewayOptions = ConnectionOptions;

const TICK_MS = 1000;
/** How often a drain looks whether all is settled. */
const DRAIN_POLL_MS = 50;

export class Gateway {
  private readonly connections = new Set<Connection>();
  /** Sessions whose last connection broke over a limit that their client was not told of. */
  private readonly untold: Untold = new WeakMap();
  /** Connections by address. */
  private readonly addresses = new Tally();
  private readonly turns: LoopTurns;
  private readonly timer: { stop(): void };

  constructor(private readonly options: GatewayOptions) {
    this.turns = new LoopTurns(options.clock);
    this.timer = options.clock.every(TICK_MS, () => this.tick());
  }

  /** A transport has a new connection. */
  accept(socket: Socket): SocketHandler {
    const address = addressGroup(socket.address);
    if (this.addresses.of(address) >= this.options.limits.maxConnectionsPerAddress) {
      socket.close(ERRORS['too-many-connections'].code, ERRORS['too-many-connections'].text);
      return NOBODY;
    }
    const connection = new Connection(socket, address, this.options, this.turns, this.untold, this.gone);
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
