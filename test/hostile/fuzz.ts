/**
 * X1: inputs for the four decoders: vectors with bytes changed, cut, doubled and spliced, and plain noise. What they make of
 * them is measured, not timed: a decoder returns, and what it returns is no larger than a few times its input.
 */
import {
  decodeClientMessage,
  decodeClientMessageBinary,
  decodeServerMessage,
  decodeServerMessageBinary,
} from '@ringhub/protocol';
import {
  binaryClientVectors,
  binaryHubVectors,
  hostileBinaryClient,
  hostileBinaryHub,
} from '../protocol/binary-vectors.ts';
import {
  clientVectors,
  hostileClientVectors,
  hostileHubVectors,
  hubVectors,
} from '../protocol/frame-vectors.ts';

export interface FuzzReport {
  readonly inputs: number;
  /** Inputs of which at least one frame was read: a run in which nothing got through would have tested little. */
  readonly read: number;
  readonly refused: number;
  readonly bytes: number;
  /** What was made of an input, over its size, at most. */
  readonly largestShare: number;
  /** Of what went wrong: which decoder, on what. */
  readonly failures: readonly string[];
}

type Input = string | Uint8Array;

export interface Target {
  readonly name: string;
  readonly decode: (input: Input) => unknown;
  readonly isRefusal: (result: unknown) => boolean;
  readonly vectors: readonly Input[];
}

/** A frame has that much besides what stands in it: names of fields, defaults. */
const FRAME_SIZE = 64;
/** An object of two short fields is made of a byte or two of JSON. */
const MAX_SHARE = 16;
const MAX_FAILURES = 20;

/** Hosts of long repetitions: they would be most of the run, and are tests of their own. */
const short = (line: string): boolean => line.length <= 2_000;

const hasInvalid = (result: unknown): boolean =>
  (result as readonly { type: string }[]).some(({ type }) => type === 'invalid');
const isNothing = (result: unknown): boolean => result === undefined;

export const TARGETS: readonly Target[] = [
  {
    name: 'client frames, JSON',
    decode: (input) => decodeClientMessage(input as string),
    isRefusal: hasInvalid,
    vectors: [...clientVectors, ...hostileClientVectors].map(({ line }) => line).filter(short),
  },
  {
    name: 'hub frames, JSON',
    decode: (input) => decodeServerMessage(input as string),
    isRefusal: isNothing,
    vectors: [...hubVectors, ...hostileHubVectors].map(({ line }) => line).filter(short),
  },
  {
    name: 'client frames, binary',
    decode: (input) => decodeClientMessageBinary(input as Uint8Array),
    isRefusal: hasInvalid,
    vectors: [...binaryClientVectors, ...hostileBinaryClient].map(({ bytes }) => bytes),
  },
  {
    name: 'hub frames, binary',
    decode: (input) => decodeServerMessageBinary(input as Uint8Array),
    isRefusal: isNothing,
    vectors: [...binaryHubVectors, ...hostileBinaryHub].map(({ bytes }) => bytes),
  },
];

/** Gives so many inputs to the decoders, in turn. */
export function fuzz(inputs: number, random: () => number, targets: readonly Target[] = TARGETS): FuzzReport {
  const report = { inputs: 0, read: 0, refused: 0, bytes: 0, largestShare: 0, failures: [] as string[] };
  // Most of the time would go into stacks of errors that are expected.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  for (let i = 0; i < inputs && report.failures.length < MAX_FAILURES; i++) {
    const target = targets[i % targets.length] as Target;
    give(inputFor(target, random), target, report);
  }
  Error.stackTraceLimit = stackTraceLimit;
  return report;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function give(input: Input, target: Target, report: Mutable<FuzzReport> & { failures: string[] }): void {
  report.inputs++;
  report.bytes += input.length;
  try {
    const result = target.decode(input);
    if (target.isRefusal(result)) report.refused++;
    else report.read++;
    const share = sizeOf(result) / (input.length + FRAME_SIZE);
    report.largestShare = Math.max(report.largestShare, share);
    if (share > MAX_SHARE)
      report.failures.push(`${target.name}: made ${share.toFixed(1)} times of ${shown(input)}`);
  } catch (error) {
    report.failures.push(`${target.name}: ${String(error)} of ${shown(input)}`);
  }
}

const shown = (input: Input): string =>
  typeof input === 'string' ? JSON.stringify(input) : `0x${Buffer.from(input).toString('hex')}`;

const NOISE = 0.05;
const SPLICE = 0.1;

/** A vector with some of it changed, spliced with another, or noise. */
export function inputFor({ vectors }: Target, random: () => number): Input {
  const int = (below: number): number => Math.floor(random() * below);
  const one = vectors[int(vectors.length)] as Input;
  const how = random();
  if (typeof one === 'string') {
    if (how < NOISE) return noiseText(1 + int(100), int);
    if (how < SPLICE) {
      const other = vectors[int(vectors.length)] as string;
      return one.slice(0, int(one.length)) + other.slice(int(other.length));
    }
    return mutatedText(one, int);
  }
  if (how < NOISE) return Uint8Array.from({ length: 1 + int(100) }, () => int(256));
  if (how < SPLICE) {
    const other = vectors[int(vectors.length)] as Uint8Array;
    return joined(one.subarray(0, int(one.length)), other.subarray(int(other.length)));
  }
  return mutatedBytes(one, int);
}

/** Characters that mean something in JSON, in keys, or in UTF-16. */
const ALPHABET = [
  '"',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '\\',
  '\n',
  '0',
  '-',
  '.',
  'e',
  '#',
  '*',
  '\u0000',
  '\ud800',
  'é',
  '1e999',
  'null',
  '"__proto__":',
  '9007199254740993',
  '{"b64":"',
  ' ',
];

function noiseText(length: number, int: (below: number) => number): string {
  let text = int(2) === 0 ? '["publish",' : '';
  for (let i = 0; i < length; i++) text += ALPHABET[int(ALPHABET.length)];
  return text;
}

function mutatedText(text: string, int: (below: number) => number): string {
  let mutated = text;
  for (let changes = Math.max(1, int(5) - 1); changes > 0; changes--) {
    const at = int(mutated.length + 1);
    const to = Math.min(mutated.length, at + int(8));
    switch (int(4)) {
      case 0:
        mutated = mutated.slice(0, at) + ALPHABET[int(ALPHABET.length)] + mutated.slice(at + 1);
        break;
      case 1:
        mutated = mutated.slice(0, at) + mutated.slice(to);
        break;
      case 2:
        mutated = mutated.slice(0, to) + mutated.slice(at);
        break;
      default:
        mutated = mutated.slice(0, at) + ALPHABET[int(ALPHABET.length)] + mutated.slice(at);
    }
  }
  return mutated;
}

function mutatedBytes(bytes: Uint8Array, int: (below: number) => number): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let changes = Math.max(1, int(5) - 1); changes > 0 && mutated.length > 0; changes--) {
    const at = int(mutated.length);
    switch (int(6)) {
      case 0:
        mutated[at] = int(256);
        break;
      case 1:
        mutated[at] = (mutated[at] as number) ^ (1 << int(8));
        break;
      case 2:
        mutated = mutated.slice(0, at);
        break;
      case 3:
        mutated = joined(mutated.subarray(0, at), mutated.subarray(int(at + 1)));
        break;
      // A length or a count that claims much.
      case 4:
        for (const [offset, byte] of (CLAIMS[int(CLAIMS.length)] as readonly number[]).entries()) {
          if (at + offset < mutated.length) mutated[at + offset] = byte;
        }
        break;
      default:
        mutated = joined(mutated, bytes);
    }
  }
  return mutated;
}

const CLAIMS: readonly (readonly number[])[] = [
  [0xff, 0xff],
  [0xff, 0xff, 0x7f],
  [0x80, 0x80],
  [0, 0],
  [0x7f],
];

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** How much there is in a value: its texts, bytes, fields and elements. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  let size = 1;
  if (Array.isArray(value)) {
    size += value.length;
    for (const element of value) size += sizeOf(element);
  } else {
    for (const key in value) size += key.length + sizeOf((value as Record<string, unknown>)[key]);
  }
  return size;
}
