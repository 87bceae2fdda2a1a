/**
 * Ids and secrets on Node, all from its cryptographic source; only jitter is not.
 */
import { createHash } from 'node:crypto';
import { nanoid } from 'nanoid';
import type { Ids } from './ports/ids.ts';

/** 22 characters of 6 bit each: 132 bit. */
const TOKEN_LENGTH = 22;

export const nodeIds: Ids = {
  id: () => nanoid(),
  token: () => nanoid(TOKEN_LENGTH),
  hash: (token) => createHash('sha256').update(token).digest('base64url'),
  random: () => Math.random(),
};
