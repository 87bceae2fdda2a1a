/** Finds the sockets of a key's patterns, as the raw limits do that need to: our trie, and what it found before. */
import { TopicTrie } from '../../server/src/core/topic-trie.ts';

const MAX_CACHED = 100_000;

interface Bound<S> {
  readonly words: readonly string[];
  readonly sockets: S[];
}

export class LimitRouter<S> {
  private readonly trie = new TopicTrie<Bound<S>>();
  private readonly bound = new Map<string, Bound<S>>();
  private readonly found = new Map<string, readonly S[]>();

  add(pattern: string, socket: S): void {
    let entry = this.bound.get(pattern);
    if (!entry) {
      entry = { words: pattern.split('.'), sockets: [] };
      this.bound.set(pattern, entry);
      this.trie.add(entry);
    }
    entry.sockets.push(socket);
    this.found.clear();
  }

  match(key: string): readonly S[] {
    let sockets = this.found.get(key);
    if (!sockets) {
      sockets = this.trie.match(key.split('.')).flatMap((entry) => entry.sockets);
      if (this.found.size >= MAX_CACHED) this.found.clear();
      this.found.set(key, sockets);
    }
    return sockets;
  }
}
