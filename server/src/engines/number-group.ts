/**
 * The numbered publishes of one group, in one value: which numbers of which sessions were stored with it.
 *
 *     seal (sealed-value.ts) │ group u64 │ time f64 │ sessions │ of each: hash, ranges │ of each: first number, how many more
 *
 * The layout is pinned by bytes in the tests; a change of it is a new layout number.
 */
import { ByteReader, ByteWriter, DAMAGED, ShortTexts } from '@ringhub/protocol';
import { SEAL_BYTES, seal, unseal } from './sealed-value.ts';
import { HASH_BYTES } from './store-keys.ts';

/** Ascending or not, as they came: first and last number of each range, one after the other. */
export type FlatRanges = readonly number[];

export interface SessionNumbers {
  /** Stands for the session. */
  readonly hash: Uint8Array;
  readonly fresh: FlatRanges;
}

export interface NumberGroup {
  /** Groups are numbered; their places are used again. */
  readonly group: number;
  readonly atMs: number;
  readonly sessions: readonly SessionNumbers[];
}

export const NUMBER_GROUP_LAYOUT = 1;

const writer = new ByteWriter();
const texts = new ShortTexts();

export function encodeNumberGroup({ group, atMs, sessions }: NumberGroup): Uint8Array {
  writer.reset();
  for (let i = 0; i < SEAL_BYTES; i++) writer.u8(0);
  writer.u64(group);
  writer.f64(atMs);
  writer.varint(sessions.length);
  for (const { hash, fresh } of sessions) {
    writer.block(hash);
    writer.varint(fresh.length / 2);
    for (let i = 0; i < fresh.length; i += 2) {
      writer.varint(fresh[i]!);
      writer.varint(fresh[i + 1]! - fresh[i]!);
    }
  }
  return seal(writer.slice(), NUMBER_GROUP_LAYOUT);
}

export function decodeNumberGroup(value: Uint8Array): NumberGroup | 'corrupt' {
  const body = unseal(value, NUMBER_GROUP_LAYOUT);
  if (!body) return 'corrupt';
  try {
    const reader = new ByteReader(body, texts, 'damages');
    const group = reader.u64();
    const atMs = reader.f64();
    const sessions: SessionNumbers[] = [];
    for (let left = reader.count(HASH_BYTES); left > 0; left--) {
      const hash = reader.block();
      const fresh: number[] = [];
      for (let ranges = reader.count(2); ranges > 0; ranges--) {
        const from = reader.varint();
        fresh.push(from, from + reader.varint());
      }
      sessions.push({ hash, fresh });
    }
    return reader.atEnd ? { group, atMs, sessions } : 'corrupt';
  } catch (error) {
    if (error === DAMAGED) return 'corrupt';
    throw error;
  }
}
