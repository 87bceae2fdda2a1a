import { describe, expect, it } from 'vitest';
import {
  isOuterInterface,
  isWholeDisk,
  parseCpuTimes,
  parseDisks,
  parseMemory,
  parseNet,
  parseProcess,
} from '../../demo/src/feeder/parse-proc.ts';

const STAT = `cpu  200 10 60 700 20 3 7 0 5 0
cpu0 100 5 30 350 10 2 3 0 0 0
cpu1 100 5 30 350 10 1 4 0 0 0
intr 12345 0 0 9
ctxt 99
`;

const MEMINFO = `MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:    9000000 kB
Buffers:          200000 kB
Cached:          3000000 kB
SwapCached:            0 kB
SReclaimable:     300000 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
HugePages_Total:       0
`;

const NET = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3297      31    0    0    0     0          0         0     3297      31    0    0    0     0       0          0
  eth0: 428979180    9821    0    0    0     0          0         0   536206    5281    0    0    0     0       0          0
eth1:12345678 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0
`;

const DISKS = `   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 43730 12742 5469458 21397 19818 14714 2489424 9252 0 13692 31848 7617 147 260800 981 2892 216
 254       1 vda1 100 0 800 1 0 0 0 0 0 1 1
`;

const processLine = (name: string) =>
  `4242 (${name}) S 1 4242 4242 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 11 0 777 123456 2048 18446744073709551615`;

describe('/proc/stat', () => {
  it('gives the sum and each core, nothing of what follows', () => {
    const cpus = parseCpuTimes(STAT);
    expect(cpus.map(({ name }) => name)).toEqual(['cpu', 'cpu0', 'cpu1']);
    expect(cpus[0]).toEqual({ name: 'cpu', user: 210, system: 70, iowait: 20, idle: 720, total: 1000 });
  });

  it('counts guests once, as they are part of user time', () => {
    expect(parseCpuTimes('cpu0 10 0 0 90 0 0 0 0 10 0\n')[0]?.total).toBe(100);
  });

  it('reads the short lines of old kernels', () => {
    expect(parseCpuTimes('cpu 1 2 3 4\n')[0]).toMatchObject({ user: 3, system: 3, idle: 4, total: 10 });
  });
});

describe('/proc/meminfo', () => {
  it('is in bytes', () => {
    expect(parseMemory(MEMINFO)).toEqual({
      total: 16_000_000 * 1024,
      available: 9_000_000 * 1024,
      cached: 3_500_000 * 1024,
      swapTotal: 2_000_000 * 1024,
      swapFree: 1_500_000 * 1024,
    });
  });

  it('estimates what is available where the kernel does not', () => {
    const old = MEMINFO.replace(/^MemAvailable.*\n/m, '');
    expect(parseMemory(old).available).toBe(4_200_000 * 1024);
  });
});

describe('/proc/net/dev', () => {
  it('gives bytes both ways, also where no space follows the colon', () => {
    expect(parseNet(NET)).toEqual([
      { name: 'lo', receivedBytes: 3297, sentBytes: 3297 },
      { name: 'eth0', receivedBytes: 428979180, sentBytes: 536206 },
      { name: 'eth1', receivedBytes: 12345678, sentBytes: 99 },
    ]);
  });

  it('tells outer interfaces from inner ones', () => {
    expect(['eth0', 'enp3s0', 'wlan0', 'bond0', 'tailscale0'].every(isOuterInterface)).toBe(true);
    expect(['lo', 'veth12ab', 'docker0', 'br-1234', 'ifb0'].some(isOuterInterface)).toBe(false);
  });
});

describe('/proc/diskstats', () => {
  it('turns sectors into bytes', () => {
    const vda = parseDisks(DISKS).find(({ name }) => name === 'vda');
    expect(vda).toEqual({
      name: 'vda',
      readBytes: 5469458 * 512,
      writtenBytes: 2489424 * 512,
      busyMs: 13692,
    });
  });

  it('tells disks from partitions and loops', () => {
    expect(['sda', 'vda', 'nvme0n1', 'mmcblk0', 'xvda'].every(isWholeDisk)).toBe(true);
    expect(
      ['sda1', 'nvme0n1p2', 'mmcblk0p1', 'loop0', 'ram0', 'zram0', 'sr0', 'dm-0'].some(isWholeDisk),
    ).toBe(false);
  });
});

describe('/proc/<pid>/stat', () => {
  it('gives time, memory and start', () => {
    expect(parseProcess(processLine('node'))).toEqual({
      pid: 4242,
      name: 'node',
      cpu: 200,
      residentPages: 2048,
      startedAt: 777,
    });
  });

  it.each(['tmux: server', 'a) S 1 (b', '((sd-pam))', ')'])('is not misled by the name %s', (name) => {
    expect(parseProcess(processLine(name))).toMatchObject({ name, cpu: 200, startedAt: 777 });
  });
});

it('texts cut short at any place give fewer entries, never an exception', () => {
  const parsers = [
    [parseCpuTimes, STAT],
    [parseMemory, MEMINFO],
    [parseNet, NET],
    [parseDisks, DISKS],
    [parseProcess, processLine('x')],
  ] as const;
  for (const [parse, text] of parsers) {
    for (let length = 0; length < text.length; length += 1) {
      expect(JSON.stringify(parse(text.slice(0, length)) ?? null)).not.toContain('NaN');
    }
  }
});
