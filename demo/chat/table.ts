/** The windows of this page: one to three. */
import { Changes } from '../shared/changes.ts';
import { freeName } from '../shared/people-names.ts';
import type { Followed } from './rooms.ts';
import { Seat } from './seat.ts';

export const MAX_SEATS = 3;
/** The first follows everything, the second one room: that is how patterns show. */
const FIRST_FOLLOWS: readonly (readonly Followed[])[] = [['*'], ['lobby']];

export class Table {
  readonly changes = new Changes();
  seats: readonly Seat[] = [];

  constructor(names: readonly string[], atLeast: number) {
    for (const name of names.slice(0, MAX_SEATS)) this.add(name);
    if (names.length === 0) while (this.seats.length < atLeast) this.add();
  }

  add(name = freeName(this.seats.map((seat) => seat.name))): void {
    if (this.seats.length >= MAX_SEATS) return;
    const seat = new Seat(name, FIRST_FOLLOWS[this.seats.length] ?? ['lobby']);
    this.seats = [...this.seats, seat];
    void seat.join();
    this.changes.tell();
  }

  remove(seat: Seat): void {
    seat.leave();
    this.seats = this.seats.filter((other) => other !== seat);
    this.changes.tell();
  }

  close(): void {
    for (const seat of this.seats) seat.leave();
  }
}
