/**
 * The rotating secret of a session, as hashes (PROTOCOL §12).
 *
 * Each resume gets a new token. The one just used stays valid until a frame on the new connection proves that
 * the new one arrived: a lost welcome must not lock the client out.
 */
export class ResumeTokens {
  private previous: string | undefined;
  /** The client has shown that it heard a welcome of this session. */
  isHeard = false;

  constructor(private current: string) {}

  accepts(hash: string): boolean {
    return hash === this.current || hash === this.previous;
  }

  /** A resume with the token `used` was granted, and `next` was handed out. */
  rotate(used: string, next: string): void {
    this.previous = used;
    this.current = next;
  }

  /** The client has shown that it holds the current token. */
  prove(): void {
    this.previous = undefined;
    this.isHeard = true;
  }
}
