/**
 * The keys that an issuer publishes at a URL (JWKS).
 *
 *     find ─► known and fresh? ─► that one
 *               └─ else ask, once for all who wait ─► known now? ─► that one, else none
 *
 * The URL is the configuration's; nothing in a token leads anywhere. One of these belongs to one issuer, so that no
 * issuer's key checks another's tokens. Bounded: one question at a time, none sooner than the cooldown after the last
 * (whoever makes up key names cannot make the hub ask), each with a deadline and a greatest size. What was known holds
 * while the issuer does not answer; a key that it has withdrawn is forgotten with the next answer.
 */
import type { Clock } from '../ports/clock.ts';
import {
  type Algorithm,
  chosenOf,
  type IssuerKey,
  type KeySource,
  keysInSet,
  type NoKey,
} from './issuer-keys.ts';

export interface RemoteKeysOptions {
  /** https, or http on this machine. */
  readonly url: string;
  readonly clock: Clock;
  /** How long an answer counts as fresh, in ms; 10 minutes by default. */
  readonly maxAgeMs?: number;
  /** How long after a question the next one waits, in ms; 30 s by default. */
  readonly cooldownMs?: number;
  /** How long an answer may take, in ms; 5 s by default. */
  readonly timeoutMs?: number;
  /** Told when the keys could not be had; those known go on to be used. */
  readonly onTrouble?: (trouble: string) => void;
}

const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

export class RemoteKeys implements KeySource {
  private keys: readonly IssuerKey[] = [];
  private answeredMs = Number.NEGATIVE_INFINITY;
  private askedMs = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | undefined;

  constructor(private readonly options: RemoteKeysOptions) {}

  async find(algorithm: Algorithm, kid: string | undefined): Promise<IssuerKey | NoKey> {
    const { clock, maxAgeMs = MAX_AGE_MS, cooldownMs = COOLDOWN_MS } = this.options;
    const known = chosenOf(this.keys, algorithm, kid);
    const isFresh = clock.nowMs() - this.answeredMs < maxAgeMs;
    if ('key' in known && isFresh) return known;
    if (!this.asking && clock.nowMs() - this.askedMs < cooldownMs) return known;
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    await this.asking;
    return chosenOf(this.keys, algorithm, kid);
  }

  private async ask(): Promise<void> {
    const { url, clock, timeoutMs = TIMEOUT_MS, onTrouble } = this.options;
    this.askedMs = clock.nowMs();
    try {
      const response = await fetch(url, {
        headers: { Accept: 'application/jwk-set+json, application/json' },
        // Wherever it would lead, nobody has configured it.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const keys = response.ok ? keysInSet(JSON.parse(await textOf(response))) : [];
      if (keys.length === 0) throw new Error(`status ${response.status}, no usable key`);
      this.keys = keys;
      this.answeredMs = clock.nowMs();
    } catch (error) {
      onTrouble?.(`no keys from ${url}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Reads no further than the greatest size. */
async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const piece of body ?? []) {
    bytes += piece.length;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
