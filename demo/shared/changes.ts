/** What a model calls when something of it has changed, and how a component follows it: one drawing a turn at most. */
import { useEffect, useReducer } from 'preact/hooks';

export class Changes {
  readonly #followers = new Set<() => void>();
  #isTold = false;

  tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      for (const follower of [...this.#followers]) follower();
    });
  }

  /** Returns what ends it. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

/** Renders the component again whenever `changes` tells. */
export function useChanges(changes: Changes): void {
  const [, draw] = useReducer((turn: number) => turn + 1, 0);
  useEffect(() => changes.follow(() => draw(undefined as never)), [changes]);
}
