/**
 * One animation-frame loop for the whole page. Whoever wants to draw says how often at most; all that is due is
 * done in one frame, and a hidden page draws nothing. A job that throws is reported and does not stop the others.
 */
import { useEffect, useReducer } from 'preact/hooks';

interface Job {
  readonly everyMs: number;
  readonly draw: (nowMs: number) => void;
  dueMs: number;
}

/** For who asked the system for less motion, nothing is drawn more often than this. */
const CALM_MS = 500;
const FRAME_MS = 16;

const jobs = new Set<Job>();
/** Ends the wait for the next frame, or for the time until one is due; none where nothing is to be drawn. */
let stopWaiting: (() => void) | undefined;

function frame(nowMs: number): void {
  for (const job of jobs) {
    if (nowMs < job.dueMs) continue;
    // Half a frame of tolerance, or a job of 100 ms would run at every seventh frame instead of every sixth.
    job.dueMs = nowMs + job.everyMs - 8;
    try {
      job.draw(nowMs);
    } catch (error) {
      console.error(error);
    }
  }
  waitForNext();
}

/** Frames in which nothing is due are not asked for: each of them costs the visitor's processor. */
function waitForNext(): void {
  stopWaiting?.();
  stopWaiting = undefined;
  if (jobs.size === 0) return;
  const inMs = Math.min(...[...jobs].map(({ dueMs }) => dueMs)) - performance.now();
  if (inMs > FRAME_MS) {
    const timer = setTimeout(askForFrame, inMs - FRAME_MS / 2);
    stopWaiting = () => clearTimeout(timer);
  } else {
    askForFrame();
  }
}

function askForFrame(): void {
  const request = requestAnimationFrame(frame);
  stopWaiting = () => cancelAnimationFrame(request);
}

/** Draws at most every `everyMs` milliseconds (0: every frame); returns what ends it. */
export function onFrame(everyMs: number, draw: (nowMs: number) => void): () => void {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const job: Job = { everyMs: isCalm ? Math.max(everyMs, CALM_MS) : everyMs, draw, dueMs: 0 };
  jobs.add(job);
  waitForNext();
  return () => {
    jobs.delete(job);
    waitForNext();
  };
}

/** Renders the component again at most every `everyMs` milliseconds. */
export function useRefresh(everyMs: number): void {
  const [, refresh] = useReducer((turn: number) => turn + 1, 0);
  useEffect(() => onFrame(everyMs, () => refresh(undefined as never)), [everyMs]);
}
