/**
 * SIGHUP: reads the settings once more and takes over what may change while a hub runs, which is what roles permit. The log says what
 * changed, and what takes a restart. A file with a fault changes nothing.
 */
import { builtInRules } from '../auth/principal.ts';
import { changesBetween } from '../config/changed-settings.ts';
import type { Config, ConfigResult } from '../config/read-config.ts';
import type { Logger } from '../ops/log.ts';
import type { RunningHub } from '../start-hub.ts';

/** Faults that one line of the log tells. */
const MAX_FAULTS = 10;

export class Reload {
  /** What the hub runs with: its start's settings, but for permissions read since. */
  private current: Config;

  constructor(
    started: Config,
    private readonly read: () => ConfigResult,
    private readonly hub: Pick<RunningHub, 'setPermissions'>,
    private readonly log: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.current = started;
  }

  run(): void {
    const result = this.read();
    if (result.kind === 'faults') {
      const faults = result.faults.slice(0, MAX_FAULTS);
      this.log.error({ faults }, 'the settings were read again and have faults: nothing changes');
      return;
    }
    const { permissions, others } = changesBetween(this.current, result.config);
    for (const [role, rules] of permissions) this.hub.setPermissions(role, rules ?? builtInRules(role));
    this.current = { ...this.current, roles: withPermissionsOf(result.config, this.current) };
    const roles = [...permissions.keys()];
    if (roles.length > 0)
      this.log.info({ roles }, 'the permissions of these roles changed, and hold from now on');
    if (others.length > 0)
      this.log.warn({ settings: others }, 'these settings changed, too: they take a restart');
    if (roles.length + others.length === 0) this.log.info('the settings were read again: nothing changed');
  }
}

/** Limits stay as they were: they hold from the start on. */
function withPermissionsOf(after: Config, before: Config): Config['roles'] {
  const names = new Set([...Object.keys(before.roles), ...Object.keys(after.roles)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const limits = Object.hasOwn(before.roles, name) ? before.roles[name]?.limits : undefined;
      const permissions = Object.hasOwn(after.roles, name) ? after.roles[name]?.permissions : undefined;
      return [name, { ...(limits && { limits }), ...(permissions && { permissions }) }];
    }),
  );
}
