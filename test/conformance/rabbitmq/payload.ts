/** What messages carry. */
import { UNIT_BYTES } from './topology.ts';

/** The text of a message: its own name, and as much behind it as makes it so many units long. */
export const payloadOf = (tag: string, index: number, units: number): string =>
  `${tag}.${index} `.padEnd(units * UNIT_BYTES, '.');
