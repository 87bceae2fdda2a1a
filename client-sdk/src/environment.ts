/**
 * Everything the SDK takes from its surroundings: clock, timers, randomness, WebSocket, page wake-ups. Nothing
 * else in the SDK touches these, so a simulation that replaces this object runs the SDK deterministically.
 */
import type { Wire } from './codec.ts';
import { onPageWake } from './wake.ts';

/** The part of a WebSocket the SDK uses; browsers' and `ws`'s both fit. */
export interface WebSocketLike {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  /** 1 while open. */
  readonly readyState: number;
  /** With binary frames set to `arraybuffer`. */
  binaryType: string;
  send(message: Wire): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Replaces parts of the SDK's surroundings; for tests and simulations. */
export interface Environment {
  /** Milliseconds of a clock that never runs backwards. */
  now(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  setTimer(callback: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Calls back when the page or the network woke up; returns how to stop that. */
  onWake(callback: () => void): () => void;
  /** What relative URLs are relative to; `undefined` outside of pages. */
  readonly baseUrl: string | undefined;
  /** Missing in Node 20. */
  readonly WebSocket: WebSocketConstructor | undefined;
}

/** The surroundings as the platform has them. */
export const platformEnvironment = (): Environment => ({
  now: () => performance.now(),
  random: Math.random,
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer as number),
  onWake: onPageWake,
  baseUrl: globalThis.location?.href,
  WebSocket: globalThis.WebSocket,
});
