/**
 * The hub's settings: one schema, filled from a file, then the environment, then flags; later ones win.
 *
 * A key in a file that does not exist is a fault; an unknown RINGHUB_ variable only a warning, as
 * container platforms set some of their own. In the environment, `__` steps into a section and names are in
 * capitals: `http.maxBodyBytes` is RINGHUB_HTTP__MAX_BODY_BYTES.
 */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { DRAINED_BELOW_BYTES } from './ports/transport.ts';

const MIB = 1024 * 1024;

const count = z.int().min(1);
const duration = z.int().min(0).describe('ms');

const tokenGrant = z
  .strictObject({
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    subject: z.string().min(1).max(128),
    role: z.enum(['browser', 'server']),
  })
  .refine(({ token, tokenFile }) => (token === undefined) !== (tokenFile === undefined), {
    error: 'needs either token or tokenFile',
  });

const schema = z.strictObject({
  dev: z.boolean().default(false),
  /** Runs the demo pages' feeder, and in dev mode the workers of the orders; by default where `dev` is on. */
  demo: z.boolean().optional(),
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8080),
  /** What carries WebSockets and HTTP. */
  transport: z.enum(['auto', 'ws', 'uws']).default('auto'),
  auth: z.strictObject({ tokens: z.array(tokenGrant).max(1_000).default([]) }).prefault({}),
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
  /** What the node may take; what is left out keeps the built-in bound. */
  limits: z
    .strictObject({
      maxFrameBytes: count.optional(),
      maxConnections: count.optional(),
      maxParkedSessions: count.optional(),
      maxBindings: count.optional(),
      maxExchanges: count.optional(),
      maxExchangeBindings: count.optional(),
      maxNamedQueues: count.optional(),
      queueMemoryBytes: count.optional(),
      memoryBudgetBytes: count.optional(),
      // Below, the socket would never be told to have drained.
      maxSocketBufferBytes: count.min(DRAINED_BELOW_BYTES).optional(),
      helloTimeoutMs: count.optional(),
      heartbeatMs: count.optional(),
      deadMs: count.optional(),
      resumeWindowMs: count.optional(),
      maxRedeliveries: count.optional(),
      lastPerKeyEntries: count.optional(),
      lastPerKeyBytes: count.optional(),
    })
    .prefault({}),
});

export type Config = z.infer<typeof schema>;
/** A configuration as people write it: everything may be left out. */
export type ConfigInput = z.input<typeof schema>;

export interface ConfigSources {
  /** Text of a YAML or JSON file. */
  readonly file?: { readonly name: string; readonly text: string };
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly flags?: ConfigInput;
}

export type ConfigResult =
  | { readonly kind: 'config'; readonly config: Config; readonly warnings: readonly string[] }
  /** One line each: which key, what is wrong. */
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

/** Variables that are not settings: the dev token and the file's name are read by the command line. */
const OTHER_VARIABLES = new Set(['RINGHUB_TOKEN', 'RINGHUB_CONFIG']);
const PREFIX = 'RINGHUB_';

export function readConfig({ file, env = {}, flags = {} }: ConfigSources): ConfigResult {
  let fromFile: unknown = {};
  if (file) {
    try {
      fromFile = parseYaml(file.text) ?? {};
    } catch (error) {
      return { kind: 'faults', faults: [`${file.name}: ${firstLine(error)}`] };
    }
    if (!isSection(fromFile)) return { kind: 'faults', faults: [`${file.name}: must hold keys and values`] };
  }
  const warnings: string[] = [];
  const settings = merge(merge(fromFile as Section, settingsOfEnv(env, warnings)), flags as Section);
  const result = schema.safeParse(settings);
  if (!result.success) return { kind: 'faults', faults: result.error.issues.flatMap(faultLines) };
  return { kind: 'config', config: result.data, warnings };
}

type Section = Record<string, unknown>;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const firstLine = (error: unknown): string => String((error as Error).message).split('\n', 1)[0] as string;

function merge(below: Section, above: Section): Section {
  const merged: Section = { ...below };
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue;
    const under = Object.hasOwn(below, key) ? below[key] : undefined;
    merged[key] = isSection(value) && isSection(under) ? merge(under, value) : value;
  }
  return merged;
}

function settingsOfEnv(env: Readonly<Record<string, string | undefined>>, warnings: string[]): Section {
  let settings: Section = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || OTHER_VARIABLES.has(name) || value === undefined) continue;
    const path = name
      .slice(PREFIX.length)
      .split('__')
      .map((part) => part.toLowerCase().replace(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase()));
    // Docker links and Kubernetes services named "ringhub" set RINGHUB_PORT=tcp://….
    if (keysAt(path) !== 'value' || /^tcp:\/\//.test(value)) {
      warnings.push(`the environment variable ${name} is no setting and was passed over`);
      continue;
    }
    const leaf = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), valueOfEnv(value, path));
    settings = merge(settings, leaf as Section);
  }
  return settings;
}

function valueOfEnv(text: string, path: readonly string[]): unknown {
  if (/^(true|false|\d+|[[{].*)$/s.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return schemaAt(path) instanceof z.ZodArray ? text.split(',').map((part) => part.trim()) : text;
}

function schemaAt(path: readonly string[]): unknown {
  let at: unknown = schema;
  for (const key of path) {
    at = unwrapped(at);
    if (!(at instanceof z.ZodObject) || !Object.hasOwn(at.shape, key)) return undefined;
    at = at.shape[key];
  }
  return unwrapped(at);
}

function unwrapped(at: unknown): unknown {
  let inner = at;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap();
  }
  return inner;
}

/** The keys of the section at a path, `value` where a value stands there, `undefined` where nothing does. */
function keysAt(path: readonly string[]): readonly string[] | 'value' | undefined {
  const at = schemaAt(path);
  if (at === undefined) return undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : 'value';
}

function faultLines(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${at.join('.')}: ${issue.message}`];
  const known = keysAt(at);
  const hint = Array.isArray(known) ? ` (known here: ${known.join(', ')})` : '';
  return issue.keys.map((key) => `${[...at, key].join('.')}: there is no such setting${hint}`);
}
