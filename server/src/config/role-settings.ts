/**
 * Section `roles`: what who has a role may do and take. `anonymous`, `browser` and `server` are there already; what is left out
 * of them keeps what is built in; a role of another name may do nothing without `permissions`, and has the bounds of `browser`.
 */
import * as z from 'zod';
import { RULE_ACTIONS, readPermissions } from '../core/permission-rules.ts';
import { sessionLimits } from './limit-settings.ts';

const ROLE_NAME = /^[a-z][a-z0-9-]{0,31}$/;

export const roleName = z
  .string()
  .regex(ROLE_NAME, 'a role is named in small letters, digits and hyphens')
  .refine((name) => name !== 'dev', 'dev is the role of a dev hub, and nobody else’s');

const texts = (what: string) => z.array(z.string()).optional().describe(what);

/** In place of what is built in (PROTOCOL §21); the same checks as of a token's claim. */
const permissions = z
  .array(
    z.strictObject({
      allow: z.array(z.enum(RULE_ACTIONS)).describe('What the rule permits'),
      exchanges: texts('Names of exchanges that it holds for; all where left out'),
      queues: texts('Names of named queues that it holds for; all where left out'),
      keys: texts('Patterns of routing keys that it holds for; {sub} stands for the subject'),
    }),
  )
  .superRefine((value, context) => {
    const read = readPermissions(value);
    if ('fault' in read) context.addIssue({ code: 'custom', message: read.fault });
  });

const role = z.strictObject({
  permissions: permissions.optional().describe('Rules in place of what is built in; SIGHUP reads them again'),
  limits: sessionLimits.optional().describe('What one session may take; what is left out is built in'),
});

export const roleSettings = z.record(roleName, role);
