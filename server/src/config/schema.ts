/**
 * Every setting of the hub, its default and its bounds: one schema, whose sections of several settings have files of their own.
 */
import * as z from 'zod';
import { authSettings } from './auth-settings.ts';
import { nodeLimits } from './limit-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import { roleSettings } from './role-settings.ts';
import { tlsSettings } from './tls-settings.ts';

const MIB = 1024 * 1024;

const count = z.int().min(1);
const duration = z.int().min(0);

export const schema = z.strictObject({
  dev: z
    .boolean()
    .default(false)
    .describe('For trying out: loopback only, a random token that may do everything'),
  demo: z
    .boolean()
    .optional()
    .describe(
      "Runs the demo pages' feeder, and in dev mode the workers of the orders; by default where dev is on",
    ),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: z.int().min(0).max(65_535).default(8080).describe('0 lets the system choose'),
  transport: z.enum(['auto', 'ws', 'uws']).default('auto').describe('What carries WebSockets and HTTP'),
  auth: authSettings.prefault({}).describe('Who may come in; nobody by default'),
  roles: roleSettings.default({}).describe('What who has a role may do and take, by its name'),
  http: z
    .strictObject({
      origins: z
        .array(z.string().regex(/^https?:\/\/[^/]+$/, 'must look like https://app.example.com'))
        .default([])
        .describe('Exact origins of pages that may call the hub, besides its own'),
      maxBodyBytes: count.default(MIB).describe('Bytes of the body of a request'),
      publicMetrics: z
        .boolean()
        .optional()
        .describe('Whether /metrics needs no token; by default where dev is on'),
      allowPlaintext: z
        .boolean()
        .default(false)
        .describe(
          'Lets the hub listen beyond loopback without TLS of its own and without a proxy: tokens travel in the clear',
        ),
    })
    .prefault({})
    .describe('Pages, requests, and what the hub listens without'),
  tls: tlsSettings.optional().describe('With it the hub speaks TLS, and nothing else'),
  proxy: proxySettings
    .prefault({})
    .describe('What stands before the hub and may say who calls; by default nothing'),
  log: z
    .strictObject({
      level: z
        .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .default('info')
        .describe('What is told, and all that is graver'),
    })
    .prefault({})
    .describe('One line of JSON an event, on stderr'),
  shutdown: z
    .strictObject({
      drainWindowMs: duration
        .default(5_000)
        .describe('Clients are told to come back at different times within this window'),
      drainGraceMs: duration
        .default(5_000)
        .describe('How long to wait for what was delivered to be acknowledged'),
      deadlineMs: duration.default(10_000).describe('The process ends by then, whatever is left'),
    })
    .prefault({})
    .describe('How the hub ends when it is asked to'),
  data: z
    .string()
    .min(1)
    .default('data')
    .describe('Folder for everything durable, or "none": then nothing outlives the process'),
  store: z
    .strictObject({
      flushDeadlineMs: count
        .default(5_000)
        .describe('How long the disk may take for what is written; after that the hub ends'),
    })
    .prefault({})
    .describe('The store in the data folder'),
  durableLog: z
    .strictObject({
      maxMessages: count.default(10_000_000).describe('Messages kept for replay; the oldest go first'),
      maxBytes: count.default(1024 * MIB).describe('Bytes kept for replay'),
      maxAgeMs: count.default(7 * 24 * 3_600_000).describe('How long a message is kept for replay'),
    })
    .prefault({})
    .describe('What durable exchanges keep, on the disk'),
  volatileLog: z
    .strictObject({
      maxMessages: count.default(200_000).describe('Messages kept for replay; the oldest go first'),
      maxBytes: count.default(128 * MIB).describe('Bytes kept for replay'),
      maxAgeMs: count.default(3_600_000).describe('How long a message is kept for replay'),
    })
    .prefault({})
    .describe('What other exchanges keep, in memory'),
  limits: nodeLimits.prefault({}).describe('What the node may take; what is left out is built in'),
});

export type Config = z.infer<typeof schema>;
/** A configuration as people write it: everything may be left out. */
export type ConfigInput = z.input<typeof schema>;
