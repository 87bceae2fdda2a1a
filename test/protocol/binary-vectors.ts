/** The frames of `test/vectors/frames-binary.json`, each with its bytes and its logical frame. */
import type { ClientFrame, ServerFrame } from '@ringhub/protocol';
import vectors from '../vectors/frames-binary.json' with { type: 'json' };
import {
  clientVectors,
  type FrameVector,
  type HostileVector,
  hubVectors,
  withBytes,
} from './frame-vectors.ts';

export interface BinaryVector<F> {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly frame: F;
  /** Writing the frame gives the bytes again. */
  readonly canonical: boolean;
}

export type HostileBinary = Omit<HostileVector, 'line' | 'long'> & { readonly bytes: Uint8Array };

interface Raw {
  readonly name: string;
  readonly hex: string;
  readonly frame?: unknown;
  readonly canonical?: boolean;
}

export const fromHex = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));

const frameVectors = <F>(raw: readonly Raw[], named: readonly FrameVector<F>[]): BinaryVector<F>[] =>
  raw.map(({ name, hex, frame, canonical = true }) => ({
    name,
    bytes: fromHex(hex),
    frame: frame === undefined ? named.find((v) => v.name === name)!.frame : (withBytes(frame) as F),
    canonical,
  }));

export const binaryClientVectors = frameVectors<ClientFrame>(vectors.clientFrames, clientVectors);
export const binaryHubVectors = frameVectors<ServerFrame>(vectors.hubFrames, hubVectors);
export const hostileBinaryClient = (vectors.hostileClient as (Omit<HostileBinary, 'bytes'> & Raw)[]).map(
  ({ hex, ...rest }): HostileBinary => ({ ...rest, bytes: fromHex(hex) }),
);
export const hostileBinaryHub = vectors.hostileHub.map(({ name, hex }) => ({ name, bytes: fromHex(hex) }));
