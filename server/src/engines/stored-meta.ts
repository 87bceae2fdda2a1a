/**
 * Definitions in the store: small texts by key, as they will be once what was put is on disk.
 */
import { createHash } from 'node:crypto';
import type { ErrorName } from '@ringhub/protocol';
import type { EngineMeta } from '../ports/engine.ts';
import type { Store } from '../ports/store.ts';
import { sealText, unsealText } from './sealed-value.ts';
import { StoreDamage } from './store-damage.ts';
import { metaKey } from './store-keys.ts';
import type { WriteGroup } from './write-group.ts';

/** Definitions stand apart from what the engine itself keeps in the same table. */
const PREFIX = 'def/';
const MAX_LISTED = 1_000_000;
/** A store's keys are bounded: of a longer name the beginning stands, and a hash of the whole. */
const MAX_NAME_BYTES = 200;

export class StoredMeta implements EngineMeta {
  constructor(
    private readonly store: Store,
    private readonly group: WriteGroup,
  ) {}

  list(prefix: string): readonly (readonly [key: string, value: string])[] {
    const from = metaKey(PREFIX + prefix);
    // No text has this byte: everything that begins with the prefix is before it.
    const to = Uint8Array.of(...from, 0xff);
    return this.store.range(from, to, { limit: MAX_LISTED }).map(({ key, value }) => {
      const name = new TextDecoder().decode(key.subarray(1));
      const text = unsealText(value);
      // Going on without it would delete what it defines.
      if (text === undefined) throw new StoreDamage(`the definition ${name}`);
      return [name.slice(PREFIX.length), text] as const;
    });
  }

  put(key: string, value: string | undefined, done?: (error?: ErrorName) => void): void {
    this.group.put(metaKey(PREFIX + boundedName(key)), value === undefined ? undefined : sealText(value));
    if (done) this.group.whenStored((failed) => done(failed ? 'store-failed' : undefined));
  }
}

function boundedName(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  return `${name.slice(0, MAX_NAME_BYTES / 4)}…${createHash('sha256').update(name).digest('hex')}`;
}
