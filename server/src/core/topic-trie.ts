/**
 * Finds which of many wildcard patterns match a key (PROTOCOL §5).
 *
 * A trie by words, in which `*` and `#` are edges of their own. A node stands only where patterns part; what is left of
 * a pattern that has no other beside it is compared as it stands, so most patterns cost one edge and no node:
 *
 *        root ┬ a ┬ *         a.*          a node behind a `#` edge stays active whatever word comes;
 *             │   └ b.#.c     a.b.#.c      entering a node enters the `#` node below it too (zero words)
 *             └ # ┬ b         #.b
 *                 └ c.*       #.c.*
 *
 * A match walks the key word by word with the list of active nodes, as a nondeterministic automaton does. A
 * node is entered once per position at most (its mark says so). A pattern is compared once per match where no
 * `#` leads to it, and else has no `#` in what is compared: so the work is bounded by words of patterns × positions, and
 * in practice by the few nodes that are active, never by the ways in which several `#` can share the words.
 * Nothing recurses, and a match allocates nothing but its result. What the trie looks like depends on the patterns in
 * it, not on those that came and went.
 */
import { topicMatches } from './topic-match.ts';

/** What a trie holds: a pattern of at least one word. */
export interface TrieEntry {
  readonly words: readonly string[];
}

type Branch<V extends TrieEntry> = Node<V> | V;

class Node<V extends TrieEntry> {
  readonly parent: Node<V> | undefined;
  /** Words that lead here. */
  readonly depth: number;
  /** Behind a `#` edge: stays active for every further word. */
  readonly repeats: boolean;
  words: Map<string, Branch<V>> | undefined = undefined;
  star: Branch<V> | undefined = undefined;
  hash: Branch<V> | undefined = undefined;
  /** The pattern that ends here. */
  end: V | undefined = undefined;
  /** The step in which this node was last entered. */
  mark = 0;

  constructor(parent: Node<V> | undefined, depth: number, repeats: boolean) {
    this.parent = parent;
    this.depth = depth;
    this.repeats = repeats;
  }

  /** The way that a pattern takes from here. */
  get({ words }: TrieEntry): Branch<V> | undefined {
    const word = words[this.depth];
    if (word === undefined) return this.end;
    return word === '*' ? this.star : word === '#' ? this.hash : this.words?.get(word);
  }

  put({ words }: TrieEntry, branch: Branch<V>): void {
    const word = words[this.depth];
    if (word === undefined) this.end = branch as V;
    else if (word === '*') this.star = branch;
    else if (word === '#') this.hash = branch;
    else {
      this.words ??= new Map();
      this.words.set(word, branch);
    }
  }

  drop({ words }: TrieEntry): void {
    const word = words[this.depth];
    if (word === undefined) this.end = undefined;
    else if (word === '*') this.star = undefined;
    else if (word === '#') this.hash = undefined;
    else if (this.words?.delete(word) && this.words.size === 0) this.words = undefined;
  }

  get size(): number {
    const others = (this.star ? 1 : 0) + (this.hash ? 1 : 0) + (this.end ? 1 : 0);
    return others + (this.words?.size ?? 0);
  }

  /** Any of its branches. */
  get first(): Branch<V> | undefined {
    return this.end ?? this.star ?? this.hash ?? this.words?.values().next().value;
  }
}

export class TopicTrie<V extends TrieEntry> {
  readonly #root = new Node<V>(undefined, 0, false);
  #active: Node<V>[] = [];
  #next: Node<V>[] = [];
  #step = 0;
  #nodeCount = 1;
  #entryCount = 0;
  #visits = 0;
  #steps = 0;

  /** Nodes, the root included: 1 when empty. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Nodes entered and patterns compared by all matches so far: what a match costs, independent of the machine. */
  get visits(): number {
    return this.#visits;
  }

  /** Nodes looked at by all additions and removals so far: what they cost, independent of the machine and of how many entries there are. */
  get steps(): number {
    return this.#steps;
  }

  /** Takes an entry; none of the same words may be there. */
  add(entry: V): void {
    let node = this.#root;
    for (;;) {
      this.#steps++;
      const branch = node.get(entry);
      if (branch instanceof Node) {
        node = branch;
      } else if (branch === undefined && mayHang(entry, node.depth)) {
        node.put(entry, entry);
        this.#entryCount++;
        return;
      } else {
        const child = this.#grow(node, entry);
        if (branch) child.put(branch, branch);
        node = child;
      }
    }
  }

  /** False where the entry is not there. */
  remove(entry: V): boolean {
    let node = this.#root;
    let branch = node.get(entry);
    this.#steps++;
    while (branch instanceof Node) {
      node = branch;
      branch = node.get(entry);
      this.#steps++;
    }
    if (branch !== entry) return false;
    node.drop(entry);
    this.#entryCount--;
    this.#shrink(node, entry);
    return true;
  }

  /** All entries that match, in no particular order. */
  match(key: readonly string[]): V[] {
    const found: V[] = [];
    this.#step++;
    this.#enter(this.#root, this.#active, key, 0, found);
    for (let at = 0; at < key.length; at++) {
      const word = key[at] as string;
      this.#step++;
      const next = this.#next;
      for (const node of this.#active) {
        if (node.repeats) this.#enter(node, next, key, at + 1, found);
        if (node.star) this.#follow(node.star, node, next, key, at, found);
        const literal = node.words?.get(word);
        if (literal) this.#follow(literal, node, next, key, at, found);
      }
      this.#next = this.#active;
      this.#next.length = 0;
      this.#active = next;
    }
    for (const node of this.#active) if (node.end) found.push(node.end);
    this.#active.length = 0;
    return found;
  }

  /** Takes the word at a position along an edge. */
  #follow(
    branch: Branch<V>,
    from: Node<V>,
    next: Node<V>[],
    key: readonly string[],
    at: number,
    found: V[],
  ): void {
    if (branch instanceof Node) this.#enter(branch, next, key, at + 1, found);
    else this.#compare(branch, from, key, at, found);
  }

  /** Makes a node active, with the `#` nodes that follow it and may take no word at all. */
  #enter(node: Node<V>, active: Node<V>[], key: readonly string[], at: number, found: V[]): void {
    let n = node;
    while (n.mark !== this.#step) {
      n.mark = this.#step;
      active.push(n);
      this.#visits++;
      if (n.hash === undefined) return;
      if (!(n.hash instanceof Node)) {
        this.#compare(n.hash, n, key, at, found);
        return;
      }
      n = n.hash;
    }
  }

  #compare(entry: V, from: Node<V>, key: readonly string[], at: number, found: V[]): void {
    this.#visits++;
    if (topicMatches(entry.words, key, from.depth, at)) found.push(entry);
  }

  /** A node more, one step on along the way of an entry. */
  #grow(node: Node<V>, entry: V): Node<V> {
    const child = new Node<V>(node, node.depth + 1, entry.words[node.depth] === '#');
    node.put(entry, child);
    this.#nodeCount++;
    return child;
  }

  /** Takes away the nodes that an entry needed, up from the one it hung from, and those that stand for one pattern alone. */
  #shrink(from: Node<V>, entry: V): void {
    for (let node = from; node.parent; node = node.parent) {
      this.#steps++;
      const last = node.size > 1 ? undefined : node.first;
      if (node.size > 1 || last instanceof Node) return;
      if (last && !mayHang(last, node.parent.depth)) return;
      if (last) node.parent.put(last, last);
      else node.parent.drop(entry);
      this.#nodeCount--;
    }
  }
}

/**
 * Whether a pattern may hang from a node of this depth without nodes of its own. One of several `#` only behind the last:
 * before, it would be compared with a `#` in what is compared, and that at many positions.
 */
function mayHang({ words }: TrieEntry, depth: number): boolean {
  const last = words.lastIndexOf('#');
  return depth > last || words.indexOf('#') === last;
}
