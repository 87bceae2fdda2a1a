/**
 * The hub's settings: one schema, filled from a file, then the environment, then flags; later ones win.
 *
 * A key in a file that does not exist is a fault; an unknown RINGHUB_ variable only a warning, as
 * container platforms set some of their own. In the environment, `__` steps into a section and names are in
 * capitals: `http.maxBodyBytes` is RINGHUB_HTTP__MAX_BODY_BYTES.
 */
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import { nearestKey } from './nearest-key.ts';
import { type Config, type ConfigInput, schema } from './schema.ts';

export type { Config, ConfigInput };

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
      const meant = /^tcp:\/\//.test(value) ? undefined : variableLike(name);
      const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
      warnings.push(`the environment variable ${name} is no setting and was passed over${hint}`);
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
  return issue.keys.map((key) => `${[...at, key].join('.')}: there is no such setting${hintAt(at, key)}`);
}

/** What may have been meant by a key: one like it in its section, or one of its name in another. */
function hintAt(section: readonly string[], key: string): string {
  const known = keysAt(section);
  const near = Array.isArray(known) ? nearestKey(key, known) : undefined;
  const meant = near === undefined ? everySetting().find((path) => path.at(-1) === key) : [...section, near];
  if (meant) return `: did you mean ${meant.join('.')}?`;
  return Array.isArray(known) ? ` (known here: ${known.join(', ')})` : '';
}

/** Paths of all settings that stand in sections of fixed names. */
function everySetting(section: readonly string[] = []): string[][] {
  const keys = keysAt(section);
  if (keys === 'value' || keys === undefined) return [[...section]];
  return keys.flatMap((key) => everySetting([...section, key]));
}

function variableLike(name: string): string | undefined {
  const variables = everySetting().map((path) => PREFIX + path.map(inCapitals).join('__'));
  return nearestKey(name, variables);
}

const inCapitals = (key: string): string => key.replace(/[A-Z]/g, '_$&').toUpperCase();
