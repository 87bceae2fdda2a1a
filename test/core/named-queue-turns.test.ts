/** Turns of consumers, where the queue asks the store ahead: found by the model, at seed -470639151. */
import { expect, it } from 'vitest';
import { NamedQueueScene } from './named-queue-scene.ts';

it('nobody loses its turn while there is no message to take', () => {
  const scene = new NamedQueueScene({
    durable: true,
    maxMessages: 1,
    maxBytes: 100,
    overflow: 'drop-head',
    deliveryLimit: 0,
    head: { messages: 4, bytes: 1000, idleMessages: 1, idleBytes: 1000 },
  });
  scene.push({ bytes: 10 });
  scene.perform();
  scene.restart();
  scene.pass(0);
  const first = scene.consume({ prefetch: 1 });
  scene.perform();
  const second = scene.consume({ prefetch: 1 });
  scene.perform();
  expect(scene.fill(first, 1).map(({ seq }) => seq)).toEqual([1]);
  first.ack(1, [], scene.moment, scene.effects);
  scene.perform();
  scene.admit(10);
  scene.push({ bytes: 10 }, true);
  scene.perform();
  expect(scene.fill(second)).toEqual([]);
  expect(scene.fill(first, 1).map(({ seq }) => seq)).toEqual([2]);
});
