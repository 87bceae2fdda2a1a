/** The frames of `test/vectors/frames-json.json`, with bytes as bytes and repetitions written out. */
import type { ClientFrame, ErrorName, ServerFrame } from '@ringhub/protocol';
import vectors from '../vectors/frames-json.json' with { type: 'json' };

export interface FrameVector<F> {
  readonly name: string;
  readonly line: string;
  readonly frame: F;
  /** Writing the frame gives the line again. */
  readonly canonical: boolean;
}

export interface HostileVector {
  readonly name: string;
  readonly line: string;
  readonly error: ErrorName;
  readonly fatal: boolean;
  readonly ref?: number;
  readonly seq?: number;
  readonly field?: string;
  /** Its line is written out from a repetition: too long to be taken apart character by character. */
  readonly long: boolean;
}

type Repeat = [before: string, open: string, count: number, close: string, after: string];
interface RawFrame {
  readonly name: string;
  readonly line: string;
  readonly frame: unknown;
  readonly canonical?: boolean;
}
type RawHostile = Omit<HostileVector, 'line' | 'long'> & { readonly line?: string; readonly repeat?: Repeat };

const frameVectors = <F>(raw: readonly RawFrame[]): FrameVector<F>[] =>
  raw.map((v) => ({ ...v, frame: withBytes(v.frame) as F, canonical: v.canonical ?? true }));

export const clientVectors = frameVectors<ClientFrame>(vectors.clientFrames);
export const hubVectors = frameVectors<ServerFrame>(vectors.hubFrames);
export const hostileClientVectors: HostileVector[] = (vectors.hostileClient as unknown as RawHostile[]).map(
  ({ line, repeat, ...rest }) => ({ ...rest, line: line ?? writtenOut(repeat!), long: repeat !== undefined }),
);
export const hostileHubVectors: { name: string; line: string }[] = vectors.hostileHub;

function writtenOut([before, open, count, close, after]: Repeat): string {
  return before + open.repeat(count) + close.repeat(count) + after;
}

export function withBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withBytes);
  if ('bytes' in value && Array.isArray(value.bytes)) return Uint8Array.from(value.bytes as number[]);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withBytes(field)]));
}
