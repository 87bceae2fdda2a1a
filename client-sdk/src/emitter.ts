/**
 * A typed `addEventListener`, for hub and subscription. Small, and without the platform's Event classes, so that
 * listeners get plain objects. A listener that throws is reported by the platform and disturbs nobody.
 */

export interface ListenerOptions {
  /** Removes the listener when aborted. */
  readonly signal?: AbortSignal;
}

export class Emitter<Events> {
  #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at each event of this type, until it is removed or `signal` aborts. */
  addEventListener<T extends keyof Events>(
    type: T,
    listener: (event: Events[T]) => void,
    { signal }: ListenerOptions = {},
  ): void {
    if (signal?.aborted) return;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    signal?.addEventListener('abort', () => listeners.delete(listener));
  }

  removeEventListener<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }

  /**
   * Calls the listeners; false where there is none.
   * @internal
   */
  emit<T extends keyof Events>(type: T, event: Events[T]): boolean {
    const listeners = this.#listeners.get(type);
    for (const listener of [...(listeners ?? [])]) {
      try {
        (listener as (event: Events[T]) => void)(event);
      } catch (error) {
        reportUnhandled(error);
      }
    }
    return !!listeners?.size;
  }
}

/** An error nobody took: the platform tells it as an unhandled rejection. */
export function reportUnhandled(error: unknown): void {
  void Promise.reject(error);
}
