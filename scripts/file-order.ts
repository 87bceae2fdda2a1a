/**
 * In which order test files start: the longest first, so that none of them is left running alone at the end, and
 * those that wait (for a browser, for processes) between those that compute. Files not named here come last.
 *
 * The order is for speed alone: no file may need another.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const FIRST = [
  'e2e/dashboard',
  'chaos/kill',
  'sim/sim',
  'server/cuts',
  'chaos/hub-disk',
  'e2e/orders',
  'conformance/rabbitmq/rabbitmq',
  'server/cli-client',
  'hostile/sockets',
  'core/session-queue.property',
  'server/cli-serve',
  'bench/gate',
  'server/queues-sdk',
  'hostile/decoders',
  'e2e/chat',
  'protocol/codec-binary.property',
  'server/queues-killed',
  'conformance/rabbitmq/harness',
  'core/named-queue.property',
  'sim/work',
  'hostile/memory',
  'server/fanout',
  'server/cli-store',
  'core/topic-exchange.property',
  'server/examples',
  'protocol/codec-json',
  'e2e/waking',
  'e2e/event-source',
  'chaos/cuts',
  'chaos/store-faults',
  'contract/store-data-folder',
  'server/http-events',
  'contract/transport-uws',
  'packaging/sdk',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const found = FIRST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return found < 0 ? FIRST.length : found;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
