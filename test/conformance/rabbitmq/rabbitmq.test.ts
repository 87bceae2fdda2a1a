/** A few of the topologies that `run.ts` has thousands of, against a RabbitMQ of our own. Always the same: the command has others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RabbitmqServer } from '../../../bench/support/rabbitmq-server.ts';
import { campaign } from './campaign.ts';
import { table } from './comparison.ts';
import { RabbitmqBroker } from './rabbitmq-broker.ts';

const FIRST_SEED = 1;
const TOPOLOGIES = 30;
const WORKERS = 3;

let server: RabbitmqServer;
let brokers: RabbitmqBroker[] = [];

beforeAll(async () => {
  server = await RabbitmqServer.start();
  brokers = Array.from({ length: WORKERS }, () => new RabbitmqBroker(server.url));
});
afterAll(async () => {
  await Promise.all(brokers.map((broker) => broker.close()));
  await server?.stop();
});

describe('RabbitMQ and the hub', () => {
  it('say the same, but for the differences that are known', async () => {
    const report = await campaign({ firstSeed: FIRST_SEED, topologies: TOPOLOGIES, brokers });
    expect(report.found.map(({ seed, verdict }) => [`seed ${seed}`, ...table(verdict)])).toEqual([]);
    expect(report.played).toBe(TOPOLOGIES);
    // Not vacuously.
    expect(report.deliveries).toBeGreaterThan(100);
    expect(report.redeliveries).toBeGreaterThan(5);
    expect(report.deadLetters).toBeGreaterThan(5);
  });
});
