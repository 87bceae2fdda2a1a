/** What is run, by the names that a command is given. */
import type { Scenario } from '../scenarios/scenario.ts';
import type { System } from '../systems/system.ts';

/** @param names divided by commas, or `all` */
export function chosen<T extends { readonly name: string }>(
  what: string,
  names: string,
  all: readonly T[],
): T[] {
  if (names === 'all') return [...all];
  return names.split(',').map((name) => {
    const found = all.find((one) => one.name === name);
    if (!found) throw new Error(`no ${what} ${name}: there are ${all.map((one) => one.name).join(', ')}`);
    return found;
  });
}

/** Those that can run here; of the others it is said why not. */
export function present(systems: readonly System[]): System[] {
  return systems.filter((system) => {
    const missing = system.missing();
    if (missing !== undefined) console.error(`${system.name} is left out: ${missing}`);
    return missing === undefined;
  });
}

export const takesPart = (system: System, scenario: Scenario): boolean =>
  scenario.systems?.(system) ?? system.can.has(scenario.needs);
