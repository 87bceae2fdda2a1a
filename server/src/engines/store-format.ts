/**
 * What a store says of itself, in its meta table: the version of its format, and the epoch of the log in it.
 *
 * An epoch is the name of one unbroken life of the log: a new store, a restored and a repaired one begin a new one, as
 * cursors into the old life may point at what is not there any more.
 */
import { sealText, unsealText } from './sealed-value.ts';
import { metaKey } from './store-keys.ts';

/**
 * Raised by every change that an older hub would misread. Format 2: numbers of publishes are in groups, too, until each
 * session has a record of them (durable-numbers.ts). What format 1 has is there unchanged.
 */
export const STORE_FORMAT = 2;

const FORMAT_KEY = metaKey('format');
const EPOCH_KEY = metaKey('epoch');

export type StoreFormat =
  | { readonly kind: 'known'; readonly epoch: string; readonly format: number }
  /** Written by a later version: to be left alone. */
  | { readonly kind: 'newer'; readonly format: number }
  /** No store of a hub, or one whose meta table is damaged. */
  | { readonly kind: 'unreadable' };

interface MetaWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export const newStoreWrites = (epoch: string): MetaWrite[] => [...upgradeWrites(), ...newEpochWrites(epoch)];

/** Makes a store of any earlier format one of the present format. */
export const upgradeWrites = (): MetaWrite[] => [{ key: FORMAT_KEY, value: sealText(String(STORE_FORMAT)) }];

export const newEpochWrites = (epoch: string): MetaWrite[] => [{ key: EPOCH_KEY, value: sealText(epoch) }];

export function readStoreFormat(store: { get(key: Uint8Array): Uint8Array | undefined }): StoreFormat {
  const text = (key: Uint8Array) => {
    const value = store.get(key);
    return value && unsealText(value);
  };
  const format = Number(text(FORMAT_KEY));
  if (!Number.isSafeInteger(format) || format < 1) return { kind: 'unreadable' };
  if (format > STORE_FORMAT) return { kind: 'newer', format };
  const epoch = text(EPOCH_KEY);
  return epoch ? { kind: 'known', epoch, format } : { kind: 'unreadable' };
}
