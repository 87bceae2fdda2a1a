/**
 * X5 and X6 in the hub: patterns made to be expensive, and clients that ask for more than they may have, again and again.
 * What counts is work and state, not time; how long it takes: `bench/routing.ts` and `bench/hostile-crowd.ts`.
 *
 * Seen to fail with its guard taken out (docs/testing.md): the mark of visited nodes in the trie; each cap.
 */
import { ERRORS } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { TopicTrie, type TrieEntry } from '../../server/src/core/topic-trie.ts';
import type { HubContext } from '../../server/src/hub/context.ts';
import { HubScene } from '../server/support/hub-scene.ts';
import type { RawFrame } from '../server/support/scripted-client.ts';

const TOPIC = 'amq.topic';
const ATTEMPTS = 5_000;

describe('X5: a pattern bomb', () => {
  it('of more than 32 words or two # does not come in, nor does such a key', () => {
    const client = new HubScene().client();
    const patterns = [Array(128).fill('#').join('.'), '#.*.#.*.#', Array(33).fill('*').join('.')];
    for (const [i, pattern] of patterns.entries())
      client.send(['subscribe', i, { bindings: [[TOPIC, pattern]] }]);
    client.send(['publish', 1, TOPIC, Array(128).fill('a').join('.'), 'x']);
    const { 'bad-pattern': bad, 'too-many-hashes': hashes } = ERRORS;
    expect(client.all('error').map(({ code }) => code)).toEqual([bad.code, hashes.code, bad.code]);
    expect(client.all('refused').map(({ code }) => code)).toEqual([ERRORS['bad-key'].code]);
  });

  it('costs a few steps a word, also with 128 words and a thousand such patterns', () => {
    const trie = new TopicTrie<TrieEntry>();
    const words = (count: number, word: string): string[] => Array<string>(count).fill(word);
    for (let i = 0; i < 1_000; i++) trie.add({ words: ['#', ...words(i % 28, '*'), `w${i}`, '#'] });
    const key = words(128, 'w1');
    expect(trie.match(key).length).toBeGreaterThan(0);
    const before = trie.visits;
    trie.match(key);
    // Every pattern shares the rows of `*` below the first `#`: each step enters each node once, whatever the ways there.
    expect(trie.visits - before).toBeLessThanOrEqual(trie.nodeCount * (key.length + 1));
    const alone = new TopicTrie<TrieEntry>();
    alone.add({ words: ['#', '*', '#'] });
    alone.match(key);
    expect(alone.visits).toBeLessThanOrEqual(4 * (key.length + 1));
  });
});

/** All that a hub keeps by name or number: none of it may grow with what was refused. */
function kept(scene: HubScene): Record<string, number> {
  const { exchanges, namedQueues, consumers, sessions, bindings, declared } = (
    scene.hub as unknown as { context: HubContext }
  ).context;
  return {
    exchanges: exchanges.size,
    links: exchanges.exchangeBindingCount,
    namedQueues: namedQueues.size,
    consumers: consumers.size,
    sessions: sessions.size,
    queues: scene.hub.stats().queues,
    bindings,
    declarers: declared.size,
  };
}

describe('X6: a flood of', () => {
  const limits = { maxBindings: 50, maxExchanges: 100, maxExchangeBindings: 10, maxNamedQueues: 10 };
  const session = { maxSubscriptions: 10, maxBindings: 20, maxDeclaredPerSubject: 15, maxOutputBytes: 1e9 };
  /** What is asked for again and again, and what there is of it in the end: the cap, with what was there before. */
  const floods: readonly (readonly [string, (i: number) => RawFrame, Record<string, number>])[] = [
    ['subscriptions', (i) => ['subscribe', i, { bindings: [[TOPIC, `k${i}.#`]] }], { queues: 1 + 10 }],
    ['bindings of a subscription', (i) => ['bind', i, 2, TOPIC, `k${i}`], { bindings: 1 + 20 }],
    ['exchanges', (i) => ['declare', i, `x${i}`, { type: 'topic' }], { exchanges: 6 + 14, declarers: 1 }],
    ['bindings between exchanges', (i) => ['bind', i, 'amq.fanout', TOPIC, `k${i}`], { links: 10 }],
    ['named queues', (i) => ['declareQueue', i, `q${i}`, {}], { namedQueues: 10 }],
    ['bindings of a named queue', (i) => ['bind', i, { queue: 'q0' }, TOPIC, `k${i}`], { bindings: 50 }],
    ['consumers', (i) => ['consume', i, { consume: 'q0' }], { consumers: 10 - 1 }],
  ];

  it.each(floods)(
    '%s ends at its cap: refused, nothing kept, and others publish as before',
    (_, frame, cap) => {
      const scene = new HubScene({ limits, session });
      const neighbour = scene.client('bob');
      const { queue } = neighbour.subscribe({ bindings: [[TOPIC, 'neighbour']] });
      const client = scene.client();
      client.send(['subscribe', 9_998, { bindings: [[TOPIC, 'own']] }], ['declareQueue', 9_999, 'q0', {}]);
      const flood = (from: number, to: number): void => {
        for (let i = from; i < to; i += 100)
          client.send(...Array.from({ length: 100 }, (__, j) => frame(i + j)));
        client.socket.messages.length = 0;
      };
      flood(0, 200);
      const before = kept(scene);
      const publish = (): unknown => {
        neighbour.take();
        const outcomes = scene.publish('neighbour', 'k1', 'nobody');
        const tags = neighbour.deliveries(queue);
        neighbour.send(['ack', queue, Number.parseInt(tags.at(-1)!, 10)]);
        return [outcomes.map((outcome) => outcome?.kind), tags.map((tag) => tag.split(':')[1])];
      };
      const published = publish();
      flood(200, ATTEMPTS);
      expect(kept(scene)).toEqual(before);
      expect(before).toMatchObject(cap);
      expect(publish()).toEqual(published);
      expect([client.closeCode, neighbour.closeCode]).toEqual([undefined, undefined]);
      expect(scene.hub.stats().ledger.residual).toBe(0);
    },
  );

  it('answers that its sender does not read ends its connection, not the hub', () => {
    const scene = new HubScene({ session: { maxOutputBytes: 100_000 } });
    const client = scene.client();
    client.socket.bufferedBytes = 1e9;
    for (let i = 0; i < ATTEMPTS && client.closeCode === undefined; i++) client.send(['inspect', i, 'none']);
    expect(client.closeCode).toBe(ERRORS['output-overflow'].code);
  });
});
