import { describe, expect, it } from 'vitest';
import { statsUrl } from '../../demo/src/feeder/hub-sampler.ts';
import { cpuShares, perSecond } from '../../demo/src/feeder/rates.ts';

const times = (user: number, system: number, iowait: number, idle: number) => ({
  name: 'cpu',
  user,
  system,
  iowait,
  idle: idle + iowait,
  total: user + system + iowait + idle,
});

describe('rates', () => {
  it('are growth a second', () => {
    expect(perSecond(1000, 1500, 500)).toBe(1000);
  });

  it('are 0 where a counter ran backwards or no time has passed', () => {
    expect(perSecond(1000, 10, 500)).toBe(0);
    expect(perSecond(1000, 2000, 0)).toBe(0);
  });

  it('of processors are shares of the time between', () => {
    expect(cpuShares(times(0, 0, 0, 0), times(30, 10, 20, 40))).toEqual({
      busy: 40,
      user: 30,
      system: 10,
      iowait: 20,
    });
  });

  it('of processors are 0 where nothing was counted, and at most 100', () => {
    expect(cpuShares(times(5, 5, 5, 5), times(5, 5, 5, 5)).busy).toBe(0);
    // Kernels let iowait shrink.
    expect(cpuShares(times(0, 0, 50, 0), times(100, 0, 0, 0)).busy).toBe(100);
  });
});

describe('the address of the statistics', () => {
  it.each([
    ['ws://127.0.0.1:8080/v1/ws', 'http://127.0.0.1:8080/v1/stats'],
    ['wss://hub.example.com/v1/ws', 'https://hub.example.com/v1/stats'],
    ['wss://example.com/hub/v1/ws', 'https://example.com/hub/v1/stats'],
    ['ws://127.0.0.1:8080', 'http://127.0.0.1:8080/v1/stats'],
  ])('of %s is %s', (hub, stats) => {
    expect(statsUrl(hub).href).toBe(stats);
  });
});
