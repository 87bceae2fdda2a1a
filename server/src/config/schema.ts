/**
 * Every setting of the hub, its default and its bounds: one schema, whose sections of several settings have files of their own.
 */
import { z } from 'zod';
import { authSettings } from './auth-settings.ts';
import { nodeLimits } from './limit-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import { roleSettings } from './role-settings.ts';

const MIB = 1024 * 1024;

const count = z.int().min(1);
const duration = z.int().min(0).describe('ms');

export const schema = z.strictObject({
  dev: z.boolean().default(false),
  /** Runs the demo pages' feeder, and in dev mode the workers of the orders; by default where `dev` is on. */
  demo: z.boolean().optional(),
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8080),
  /** What carries WebSockets and HTTP. */
  transport: z.enum(['auto', 'ws', 'uws']).default('auto'),
  auth: authSettings.prefault({}),
  roles: roleSettings.default({}),
  http: z
    .strictObject({
      /** Exact origins of pages that may call the hub, besides its own. */
      origins: z
        .array(z.string().regex(/^https?:\/\/[^/]+$/, 'must look like https://app.example.com'))
        .default([]),
      maxBodyBytes: count.default(MIB),
      /** Whether /metrics needs no token; by default where `dev` is on. */
      publicMetrics: z.boolean().optional(),
    })
    .prefault({}),
  proxy: proxySettings.prefault({}),
  log: z
    .strictObject({
      level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    })
    .prefault({}),
  shutdown: z
    .strictObject({
      /** Clients are told to come back at different times within this window. */
      drainWindowMs: duration.default(5_000),
      /** How long to wait for what was delivered to be acknowledged. */
      drainGraceMs: duration.default(5_000),
      /** The process ends by then, whatever is left. */
      deadlineMs: duration.default(10_000),
    })
    .prefault({}),
  /** Folder for everything durable, or `none`: then nothing outlives the process. */
  data: z.string().min(1).default('data'),
  store: z
    .strictObject({
      /** How long the disk may take for what is written; after that the hub ends. */
      flushDeadlineMs: count.default(5_000),
    })
    .prefault({}),
  durableLog: z
    .strictObject({
      maxMessages: count.default(10_000_000),
      maxBytes: count.default(1024 * MIB),
      maxAgeMs: count.default(7 * 24 * 3_600_000),
    })
    .prefault({}),
  volatileLog: z
    .strictObject({
      maxMessages: count.default(200_000),
      maxBytes: count.default(128 * MIB),
      maxAgeMs: count.default(3_600_000),
    })
    .prefault({}),
  limits: nodeLimits.prefault({}),
});

export type Config = z.infer<typeof schema>;
/** A configuration as people write it: everything may be left out. */
export type ConfigInput = z.input<typeof schema>;
