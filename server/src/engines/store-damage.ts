/** What cannot be known any more, and cannot be done without: no hub can be started on this store. */
export class StoreDamage extends Error {
  constructor(what: string) {
    super(`${what} in the store is damaged`);
  }
}
