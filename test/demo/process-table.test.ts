import { describe, expect, it } from 'vitest';
import { type ProcessSource, ProcessTable } from '../../demo/src/feeder/process-table.ts';

const TICK_MS = 100;
const self = { pid: 7, label: 'this hub' };

class FakeProcesses implements ProcessSource {
  readonly jiffies = new Map<string, number>();
  readonly startedAt = new Map<string, number>();
  reads = 0;

  list(): string[] {
    return [...this.jiffies.keys()];
  }

  stat(pid: string): string | undefined {
    this.reads += 1;
    const jiffies = this.jiffies.get(pid);
    const started = this.startedAt.get(pid) ?? 5;
    return jiffies === undefined
      ? undefined
      : `${pid} (p${pid}) S 1 1 1 0 -1 0 0 0 0 0 ${jiffies} 0 0 0 20 0 1 0 ${started} 0 10`;
  }
}

/** Ticks until so many lists have come; returns the last. */
function lists(table: ProcessTable, howMany: number, eachTick: (tick: number) => void) {
  let found = 0;
  for (let tick = 0; tick < 10_000; tick += 1) {
    eachTick(tick);
    const top = table.tick(tick * TICK_MS, TICK_MS);
    if (top) found += 1;
    if (top && found === howMany) return top;
  }
  throw new Error('no list');
}

describe('the table of busiest processes', () => {
  it('says who used how much of a core, the busiest first', () => {
    const processes = new FakeProcesses();
    const table = new ProcessTable(processes, self);
    const top = lists(table, 2, (tick) => {
      // 10 jiffies a tick are all of one core.
      for (const pid of ['3', '5', '7']) processes.jiffies.set(pid, tick * { 3: 1, 5: 10, 7: 5 }[pid]!);
    });
    expect(top.processes.map(({ name, cpu }) => [name, cpu])).toEqual([
      ['p5', 100],
      ['p7 (this hub)', 50],
      ['p3', 10],
    ]);
    expect(top.total).toBe(3);
  });

  it('reads a bounded number a tick, however many there are', () => {
    const processes = new FakeProcesses();
    for (let pid = 1; pid <= 5000; pid += 1) processes.jiffies.set(String(pid), 0);
    const table = new ProcessTable(processes, self);
    let most = 0;
    const top = lists(table, 1, () => {
      most = Math.max(most, processes.reads);
      processes.reads = 0;
    });
    expect(most).toBeLessThanOrEqual(40);
    expect(top.total).toBe(5000);
    expect(top.processes).toHaveLength(8);
  });

  it('does not take a pid used again for the process before', () => {
    const processes = new FakeProcesses();
    processes.jiffies.set('3', 100_000);
    processes.jiffies.set('4', 0);
    const table = new ProcessTable(processes, self);
    const top = lists(table, 1, (tick) => {
      if (tick !== 5) return;
      processes.jiffies.set('3', 200_000);
      processes.startedAt.set('3', 99);
    });
    expect(top.processes.map(({ pid }) => pid)).toEqual([4]);
  });

  it('passes over processes that end between listing and reading', () => {
    const processes = new FakeProcesses();
    processes.jiffies.set('3', 0);
    processes.jiffies.set('4', 0);
    const table = new ProcessTable(processes, self);
    processes.stat = (pid) => (pid === '4' ? undefined : FakeProcesses.prototype.stat.call(processes, pid));
    expect(lists(table, 1, () => {}).processes.map(({ pid }) => pid)).toEqual([3]);
  });
});
