/** What a run was measured on, in one line. */
import { cpus, release, totalmem, type } from 'node:os';

export function describeMachine(): string {
  const cores = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}, ${gib} GiB, ${type()} ${release()}`;
}
