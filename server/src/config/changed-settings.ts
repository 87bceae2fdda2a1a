/**
 * What is different in a configuration that was read again: the permissions of roles, which may change while a hub runs, and the
 * names of all other settings, which may not. Values stay here: some are secrets.
 */
import { isDeepStrictEqual } from 'node:util';
import type { PermissionRule } from '../core/permission-rules.ts';
import type { Config } from './schema.ts';

export interface Changes {
  /** Roles whose permissions are others now; `undefined` for what is built in. */
  readonly permissions: ReadonlyMap<string, readonly PermissionRule[] | undefined>;
  /** Names of settings that take a restart, such as `limits.maxBindings`. */
  readonly others: readonly string[];
}

type Rules = readonly PermissionRule[] | undefined;

export const rulesOf = ({ roles }: Config, role: string): Rules =>
  Object.hasOwn(roles, role) ? (roles[role]?.permissions as Rules) : undefined;

export function changesBetween(before: Config, after: Config): Changes {
  const names = new Set([...Object.keys(before.roles), ...Object.keys(after.roles)]);
  const changed = [...names].filter(
    (name) => !isDeepStrictEqual(rulesOf(before, name), rulesOf(after, name)),
  );
  return {
    permissions: new Map(changed.map((name) => [name, rulesOf(after, name)])),
    others: differing(withoutPermissions(before), withoutPermissions(after)),
  };
}

const withoutPermissions = ({ roles, ...others }: Config): object => ({
  ...others,
  roles: Object.fromEntries(
    // A role that is there with nothing said of it is like one that is not.
    Object.entries(roles).flatMap(([name, { limits = {} }]) =>
      Object.keys(limits).length > 0 ? [[name, { limits }]] : [],
    ),
  ),
});

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names of what differs, each as deep as it can be told. */
function differing(before: unknown, after: unknown, path = ''): string[] {
  if (!isSection(before) || !isSection(after)) return isDeepStrictEqual(before, after) ? [] : [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differing(
      Object.hasOwn(before, key) ? before[key] : undefined,
      Object.hasOwn(after, key) ? after[key] : undefined,
      path === '' ? key : `${path}.${key}`,
    ),
  );
}
