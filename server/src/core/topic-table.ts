/**
 * A topic exchange's table: binding keys are patterns.
 */
import { splitWords } from '@ringhub/protocol';
import type { EvictionClock } from './eviction-clock.ts';
import type { BindingArguments, Matcher, RoutingTable } from './routing-table.ts';
import { TopicExchange } from './topic-exchange.ts';
import { topicMatches } from './topic-match.ts';

export class TopicTable<T extends object> implements RoutingTable<T> {
  private readonly topic: TopicExchange<T>;

  /** @param clock bounds the cached routes of all tables that share it */
  constructor(clock: EvictionClock) {
    this.topic = new TopicExchange(clock);
  }

  get bindingCount(): number {
    return this.topic.bindingCount;
  }

  bind({ key }: BindingArguments, target: T): boolean {
    return this.topic.bind(key, target);
  }

  unbind({ key }: BindingArguments, target: T): boolean {
    return this.topic.unbind(key, target);
  }

  route(key: string): readonly T[] {
    return this.topic.route(key);
  }

  matcher({ key }: BindingArguments): Matcher {
    const pattern = splitWords(key);
    return (words) => topicMatches(pattern, words);
  }
}
