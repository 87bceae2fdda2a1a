/**
 * Finds which of many wildcard patterns match a key (PROTOCOL §5).
 *
 * A trie by words, in which `*` and `#` are edges of their own:
 *
 *        root ─ a ─ *        a.*         a node behind a `#` edge stays active whatever word comes;
 *           └── # ─ b        #.b         entering a node enters the `#` node below it too (zero words)
 *
 * A match walks the key word by word with the list of active nodes, as a nondeterministic automaton does. A
 * node is entered once per position at most (its mark says so): the work is bounded by nodes × positions, and
 * in practice by the few nodes that are active, never by the ways in which several `#` can share the words.
 * Nothing recurses, and a match allocates nothing but its result. Removing prunes every node left empty.
 */
class Node<V> {
  readonly parent: Node<V> | undefined;
  readonly word: string;
  /** Behind a `#` edge: stays active for every further word. */
  readonly repeats: boolean;
  words: Map<string, Node<V>> | undefined = undefined;
  star: Node<V> | undefined = undefined;
  hash: Node<V> | undefined = undefined;
  value: V | undefined = undefined;
  /** The step in which this node was last entered. */
  mark = 0;

  constructor(parent: Node<V> | undefined, word: string) {
    this.parent = parent;
    this.word = word;
    this.repeats = word === '#' && parent !== undefined;
  }

  get isEmpty(): boolean {
    return (
      this.value === undefined &&
      this.words === undefined &&
      this.star === undefined &&
      this.hash === undefined
    );
  }

  child(word: string): Node<V> | undefined {
    return word === '*' ? this.star : word === '#' ? this.hash : this.words?.get(word);
  }

  setChild(word: string, node: Node<V> | undefined): void {
    if (word === '*') this.star = node;
    else if (word === '#') this.hash = node;
    else if (node) {
      this.words ??= new Map();
      this.words.set(word, node);
    } else if (this.words?.delete(word) && this.words.size === 0) {
      this.words = undefined;
    }
  }
}

export class TopicTrie<V extends object> {
  readonly #root = new Node<V>(undefined, '');
  #active: Node<V>[] = [];
  #next: Node<V>[] = [];
  #step = 0;
  #nodeCount = 1;
  #valueCount = 0;
  #visits = 0;

  /** Nodes, the root included: 1 when empty. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get valueCount(): number {
    return this.#valueCount;
  }

  /** Nodes entered by all matches so far: what a match costs, independent of the machine. */
  get visits(): number {
    return this.#visits;
  }

  /** Stores a value at a pattern, in place of an earlier one. */
  set(pattern: readonly string[], value: V): void {
    let node = this.#root;
    for (const word of pattern) {
      let child = node.child(word);
      if (!child) {
        child = new Node(node, word);
        node.setChild(word, child);
        this.#nodeCount++;
      }
      node = child;
    }
    if (node.value === undefined) this.#valueCount++;
    node.value = value;
  }

  /** False where the pattern has no value. */
  delete(pattern: readonly string[]): boolean {
    let node: Node<V> | undefined = this.#root;
    for (const word of pattern) {
      node = node.child(word);
      if (!node) return false;
    }
    if (node.value === undefined) return false;
    node.value = undefined;
    this.#valueCount--;
    while (node.parent && node.isEmpty) {
      node.parent.setChild(node.word, undefined);
      this.#nodeCount--;
      node = node.parent;
    }
    return true;
  }

  /** The values of all patterns that match, in no particular order. */
  match(key: readonly string[]): V[] {
    this.#step++;
    this.#enter(this.#root, this.#active);
    for (const word of key) {
      this.#step++;
      const next = this.#next;
      for (const node of this.#active) {
        if (node.repeats) this.#enter(node, next);
        if (node.star) this.#enter(node.star, next);
        const literal = node.words?.get(word);
        if (literal) this.#enter(literal, next);
      }
      this.#next = this.#active;
      this.#next.length = 0;
      this.#active = next;
    }
    const values: V[] = [];
    for (const node of this.#active) if (node.value !== undefined) values.push(node.value);
    this.#active.length = 0;
    return values;
  }

  /** Makes a node active, with the `#` nodes that follow it and may take no word at all. */
  #enter(node: Node<V>, active: Node<V>[]): void {
    for (let n: Node<V> | undefined = node; n && n.mark !== this.#step; n = n.hash) {
      n.mark = this.#step;
      active.push(n);
      this.#visits++;
    }
  }
}
