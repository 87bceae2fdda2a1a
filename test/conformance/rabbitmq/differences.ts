/**
 * All deliberate differences between the hub and RabbitMQ, each applied as narrowly as it can be told: what they say beyond that has
 * to be the same. docs/differences-from-rabbitmq.md says what each is, and why.
 */
import { isDeepStrictEqual } from 'node:util';
import type { QueueInfo } from '@ringhub/protocol';
import { QUEUE_BOUNDS } from '../../../server/src/core/queue-settings.ts';
import type { Difference, Step } from './difference.ts';
import type { Outcome, Said, Seen, SeenDeath } from './outcome.ts';
import { MAX_UNITS, type Operation, UNIT_BYTES } from './topology.ts';

/** RabbitMQ's outcome with another answer: all else has to be the same. */
const answering = (step: Step, ...said: readonly Said[]): Outcome => ({
  ...step.rabbitmq,
  answer: { said },
});

const isBounded = ({ options }: QueueInfo): boolean => {
  const bounds = options.durable ? QUEUE_BOUNDS.durable : QUEUE_BOUNDS.volatile;
  return options.maxMessages < bounds.messages || options.maxBytes < bounds.bytes;
};

const arrivalsAt = (name: string, { before, after }: Step): number =>
  (after.queues.get(name)?.ledger.routed ?? 0) - (before.queues.get(name)?.ledger.routed ?? 0);

const refusalsOf = (name: string, { before, after }: Step): number =>
  (after.queues.get(name)?.ledger.dropped.refused ?? 0) -
  (before.queues.get(name)?.ledger.dropped.refused ?? 0);

/** Bytes of a message that comes to a queue by an operation: of its own, or of a dead letter's, which may be as large as any. */
const largestOf = (operation: Operation): number =>
  (operation.does === 'publish' ? operation.units : MAX_UNITS) * UNIT_BYTES;

/** Whether a message came to a bounded queue while some were with its consumers, or on their way to them. */
const isFilledByUnacked = (step: Step): boolean =>
  [...step.after.queues.values()].some((info) => {
    const before = step.before.queues.get(info.name);
    const inflight = Math.max(before?.messages.inflight ?? 0, info.messages.inflight);
    const arrivals = arrivalsAt(info.name, step);
    return isBounded(info) && (inflight > 0 ? arrivals > 0 : info.consumers > 0 && arrivals > 1);
  });

/** Where a binding leads, from where, and with which arguments: all of them, or without those that the hub passes over. */
function bindingText(operation: Operation, keeps: (name: string) => boolean): string | undefined {
  if (!('binding' in operation)) return undefined;
  const { from, key, args = {} } = operation.binding;
  const to = 'queue' in operation ? [operation.queue] : operation.to;
  const kept = Object.entries(args).filter(([name]) => keeps(name));
  return JSON.stringify([to, from, key, kept.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

const ofHub = (name: string): boolean => name === 'x-match' || !name.startsWith('x-');

/** Whether two are the same binding to the hub, and are not to RabbitMQ. */
const areOneHereOnly = (a: Operation, b: Operation): boolean =>
  bindingText(a, ofHub) === bindingText(b, ofHub) &&
  bindingText(a, () => true) !== bindingText(b, () => true);

/** Whether both tell the same last death, and the same ones before in another order. */
const areTurnedRound = (
  [last, ...older]: readonly SeenDeath[],
  [theirLast, ...theirs]: readonly SeenDeath[],
) =>
  older.length > 1 &&
  isDeepStrictEqual(last, theirLast) &&
  !isDeepStrictEqual(older, theirs) &&
  isDeepStrictEqual(sorted(older), sorted(theirs));

const sorted = (deaths: readonly SeenDeath[]): string[] =>
  deaths.map((death) => JSON.stringify(death)).sort();

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'absent-is-an-error',
    explain: (step) => {
      const { hub, rabbitmq } = step;
      const isEnding = /^(delete|unbind)-/.test(step.operation.does);
      const isPassedOver = rabbitmq.answer.said[0] === 'ok' && (rabbitmq.answer.messages ?? 0) === 0;
      if (!isEnding || !isPassedOver) return undefined;
      const [said] = hub.answer.said;
      // A binding that is not there of a queue that is another client's: who may do it is asked first.
      const isOthers = step.operation.does === 'unbind-queue' && said === 'locked';
      return said === 'not-found' || isOthers ? answering(step, said) : undefined;
    },
  },
  {
    name: 'unacked-fill-a-queue',
    explain: (step) => (isFilledByUnacked(step) ? 'parts' : undefined),
  },
  {
    name: 'larger-than-the-queue',
    explain: (step) =>
      [...step.after.queues.values()].some(
        (info) => info.options.maxBytes < largestOf(step.operation) && refusalsOf(info.name, step) > 0,
      )
        ? 'parts'
        : undefined,
  },
  {
    name: 'one-refuses',
    explain: (step) => {
      const { hub, rabbitmq, after } = step;
      if (step.operation.does !== 'publish' || after.refusing.length === 0) return undefined;
      const said = rabbitmq.answer.said.map((theirs, i): Said => {
        const ours = hub.answer.said[i];
        return theirs === 'queue-refused' && ours === 'ok' ? 'ok' : theirs;
      });
      return answering(step, ...said);
    },
  },
  {
    name: 'deleted-unacked-count',
    explain: (step) => {
      const { operation, before, rabbitmq } = step;
      if (operation.does !== 'delete-queue' || rabbitmq.answer.messages === undefined) return undefined;
      const unacked = before.queues.get(operation.name)?.messages.inflight ?? 0;
      if (unacked === 0) return undefined;
      return { ...rabbitmq, answer: { said: ['ok'], messages: rabbitmq.answer.messages + unacked } };
    },
  },
  {
    name: 'unacked-are-not-empty',
    explain: ({ operation, before, after }) => {
      if (operation.does !== 'delete-queue' || !operation.ifEmpty || after.error !== 'queue-not-empty')
        return undefined;
      const { ready = 0, inflight = 0 } = before.queues.get(operation.name)?.messages ?? {};
      return ready === 0 && inflight > 0 ? 'parts' : undefined;
    },
  },
  {
    name: 'two-faults-at-once',
    explain: (step) => {
      const { operation, hub, rabbitmq } = step;
      const isBoth = operation.does === 'delete-queue' && operation.ifUnused && operation.ifEmpty;
      const isSo = hub.answer.said[0] === 'in-use' && rabbitmq.answer.said[0] === 'not-empty';
      return isBoth && isSo ? answering(step, 'in-use') : undefined;
    },
  },
  {
    name: 'exclusive-is-a-setting',
    explain: (step) => {
      const { operation, before, after, rabbitmq } = step;
      if (operation.does !== 'declare-queue' || after.error !== 'queue-mismatch') return undefined;
      const isOther = before.queues.get(operation.name)?.options.exclusive !== operation.options.exclusive;
      return isOther && rabbitmq.answer.said[0] === 'locked' ? answering(step, 'mismatch') : undefined;
    },
  },
  {
    name: 'older-deaths-turned-round',
    explain: ({ hub, rabbitmq }) => {
      let isMet = false;
      const deliveries = [...rabbitmq.deliveries].map(([name, seen]) => {
        const turned = seen.map((theirs, i): Seen => {
          const ours = hub.deliveries.get(name)?.[i];
          if (!ours || !areTurnedRound(ours.deaths, theirs.deaths)) return theirs;
          isMet = true;
          return { ...theirs, deaths: ours.deaths };
        });
        return [name, turned] as const;
      });
      return isMet ? { ...rabbitmq, deliveries: new Map(deliveries) } : undefined;
    },
  },
  {
    name: 'no-with-x',
    explain: ({ operation, after }) =>
      'binding' in operation &&
      String(operation.binding.args?.['x-match']).endsWith('-with-x') &&
      after.error === 'bad-argument'
        ? 'parts'
        : undefined,
  },
  {
    name: 'passed-over-arguments',
    isHidden: true,
    explain: ({ operation, earlier, hub }) => {
      if (!operation.does.startsWith('unbind-') || hub.answer.said[0] !== 'ok') return undefined;
      return earlier.some((one) => one.does.startsWith('bind-') && areOneHereOnly(one, operation))
        ? 'parts'
        : undefined;
    },
  },
  {
    name: 'predeclared-are-volatile',
    explain: (step) => {
      const { operation, hub, rabbitmq } = step;
      if (operation.does !== 'declare-exchange' || !operation.name.startsWith('amq.')) return undefined;
      const [ours, theirs] = operation.options.durable
        ? (['mismatch', 'ok'] as const)
        : (['ok', 'mismatch'] as const);
      return hub.answer.said[0] === ours && rabbitmq.answer.said[0] === theirs
        ? answering(step, ours)
        : undefined;
    },
  },
  {
    name: 'two-hashes',
    explain: ({ after, rabbitmq }) =>
      after.error === 'too-many-hashes' && rabbitmq.answer.said[0] === 'ok' ? 'parts' : undefined,
  },
  {
    name: 'reserved-hub',
    explain: ({ operation, after, rabbitmq }) =>
      operation.does === 'declare-exchange' &&
      operation.name.startsWith('hub.') &&
      after.error === 'reserved-name' &&
      rabbitmq.answer.said[0] === 'ok'
        ? 'parts'
        : undefined,
  },
  {
    name: 'one-durability',
    explain: ({ after, rabbitmq }) =>
      after.error === 'durability-mismatch' && rabbitmq.answer.said[0] === 'ok' ? 'parts' : undefined,
  },
  {
    name: 'settled-again',
    explain: ({ operation, hub, rabbitmq }) =>
      operation.does === 'settle-again' && hub.answer.said[0] === 'ok' && rabbitmq.answer.said[0] !== 'ok'
        ? 'parts'
        : undefined,
  },
];
