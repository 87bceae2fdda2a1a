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

const jobs = new Set<Job>();
let requested = 0;

function frame(nowMs: number): void {
  requested = requestAnimationFrame(frame);
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
}

/** Draws at most every `everyMs` milliseconds (0: every frame); returns what ends it. */
export function onFrame(everyMs: number, draw: (nowMs: number) => void): () => void {
  const job: Job = { everyMs, draw, dueMs: 0 };
  jobs.add(job);
  if (requested === 0) requested = requestAnimationFrame(frame);
  return () => {
    jobs.delete(job);
    if (jobs.size > 0) return;
    cancelAnimationFrame(requested);
    requested = 0;
  };
}

/** Renders the component again at most every `everyMs` milliseconds. */
export function useRefresh(everyMs: number): void {
  const [, refresh] = useReducer((turn: number) => turn + 1, 0);
  useEffect(() => onFrame(everyMs, () => refresh(undefined as never)), [everyMs]);
}
