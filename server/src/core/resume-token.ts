/**
 * The rotating secret of a session, as hashes (PROTOCOL §12).
 *
 * Each resume gets a new token. Nobody knows which of those handed out have arrived until a frame on the newest
 * connection proves its own: a welcome may be lost, and a hello may come late, of a connection that its client gave up. So the
 * one just used and those handed out after it stay valid until then: neither must lock the client out.
 */

/** How many are valid at once: the one used, the newest, and some between. */
const MAX_VALID = 5;

export class ResumeTokens {
  /** Oldest first; the last one is the current one. */
  private valid: readonly string[];
  /** The client has shown that it heard a welcome of this session. */
  isHeard = false;

  constructor(first: string) {
    this.valid = [first];
  }

  accepts(hash: string): boolean {
    return this.valid.includes(hash);
  }

  isCurrent(hash: string): boolean {
    return hash === this.valid.at(-1);
  }

  /** A resume with the token `used` was granted, and `next` was handed out. What is older than `used` has had its time. */
  rotate(used: string, next: string): void {
    const later = this.valid.slice(this.valid.indexOf(used) + 1);
    this.valid = [used, ...later.slice(-(MAX_VALID - 2)), next];
  }

  /** The client has shown that it holds the current token. */
  prove(): void {
    this.valid = this.valid.slice(-1);
    this.isHeard = true;
  }
}
