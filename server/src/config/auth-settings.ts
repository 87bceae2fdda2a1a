/**
 * Section `auth`: who may come in.
 */
import { z } from 'zod';
import { roleName } from './role-settings.ts';

const tokenGrant = z
  .strictObject({
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    subject: z.string().min(1).max(128),
    role: roleName,
  })
  .refine(({ token, tokenFile }) => (token === undefined) !== (tokenFile === undefined), {
    error: 'needs either token or tokenFile',
  });

export const authSettings = z.strictObject({
  tokens: z.array(tokenGrant).max(1_000).default([]),
});
