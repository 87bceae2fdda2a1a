/** The overflow policies in one line each, and what a visitor will see. */
import type { OverflowPolicy } from '@ringhub/client';

export interface PolicyText {
  readonly policy: OverflowPolicy;
  readonly what: string;
  readonly see: string;
}

export const POLICIES: readonly PolicyText[] = [
  {
    policy: 'drop-oldest',
    what: 'When the ring is full, the oldest waiting message gives way to a gap. You stay close to the present.',
    see: 'Red gap blocks with exact counts; the age stays small. The dotted chart has holes where the gaps are.',
  },
  {
    policy: 'drop-newest',
    what: 'When the ring is full, the new message is refused into a gap. What was waiting stays.',
    see: 'Red gap blocks, reason “refused”; the age is larger than with drop-oldest, as old messages keep their place.',
  },
  {
    policy: 'conflate',
    what: 'A new value takes the place of the waiting one with the same key. You get the latest of each metric.',
    see: 'No gaps: violet badges count the values that were replaced on purpose. The ring never holds more than one per key.',
  },
  {
    policy: 'catch-up',
    what: 'Nothing is dropped: when the ring is full, the rest is read from the hub’s log as you make room.',
    see: 'No loss, but the age grows: you live in the past. Move the slider up and watch it catch up.',
  },
  {
    policy: 'disconnect',
    what: 'A full ring is emptied into a gap and the connection is closed. The SDK resumes by itself.',
    see: 'Short offline bands on both lanes (they share the connection), one large gap on this one, none on the other.',
  },
];

export const policyText = (policy: OverflowPolicy): PolicyText =>
  POLICIES.find((text) => text.policy === policy) ?? POLICIES[0]!;
