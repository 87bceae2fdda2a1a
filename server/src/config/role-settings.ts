/**
 * Section `roles`: what who has a role may take. `anonymous`, `browser` and `server` are there already; what is left out
 * of them keeps the built-in bound, and a role of another name begins as `browser`.
 */
import { z } from 'zod';
import { sessionLimits } from './limit-settings.ts';

const ROLE_NAME = /^[a-z][a-z0-9-]{0,31}$/;

export const roleName = z
  .string()
  .regex(ROLE_NAME, 'a role is named in small letters, digits and hyphens')
  .refine((name) => name !== 'dev', 'dev is the role of a dev hub, and nobody else’s');

const role = z.strictObject({
  limits: sessionLimits.optional(),
});

export const roleSettings = z.record(roleName, role);
