/**
 * How many TCP connections one peer may have with this hub, before it says who it is, or anything at all. A trusted proxy brings
 * those of many, and has no bound.
 */
import { addressGroup } from './core/address-group.ts';
import { Tally } from './core/tally.ts';
import type { Doorkeeper } from './ports/caller.ts';

export class SocketsByAddress implements Doorkeeper {
  private readonly sockets = new Tally();

  constructor(
    private readonly max: number,
    private readonly isProxy: (address: string) => boolean = () => false,
  ) {}

  /** Peers that have any. */
  get size(): number {
    return this.sockets.size;
  }

  admit(address: string): boolean {
    if (this.isProxy(address)) return true;
    const group = addressGroup(address);
    if (this.sockets.of(group) >= this.max) return false;
    this.sockets.add(group);
    return true;
  }

  left(address: string): void {
    if (!this.isProxy(address)) this.sockets.remove(addressGroup(address));
  }
}
