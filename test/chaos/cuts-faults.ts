/**
 * Faults for the cuts to find: those of a hub are planted in its process (`kill-hub.ts`), those of the SDK here, in the classes of
 * the program that calls this.
 */
import { CursorTracker } from '../../client-sdk/src/cursor-tracker.ts';
import { Feed } from '../../client-sdk/src/feed.ts';

const HUB_FAULTS = ['resume-forgets', 'early-confirm'] as const;
const SDK_FAULTS = ['no-dedup', 'reorders'] as const;

export type CutsFault = (typeof HUB_FAULTS)[number] | (typeof SDK_FAULTS)[number];
export const CUTS_FAULTS: readonly CutsFault[] = [...HUB_FAULTS, ...SDK_FAULTS];

/** What the hub's process is told of a fault of its own. */
export const hubEnv = (fault: CutsFault | undefined): Record<string, string> =>
  HUB_FAULTS.some((one) => one === fault) ? { CHAOS_FAULT: fault! } : {};

/** Returns what takes the fault out again. */
export function plantInSdk(fault: CutsFault | undefined): () => void {
  if (fault === 'no-dedup') return forgetWhatWasProcessed();
  if (fault === 'reorders') return reorderWhatIsSentAgain();
  return () => {};
}

/** What an earlier session had delivered and the application has processed is handed out once more. */
function forgetWhatWasProcessed(): () => void {
  const { has } = CursorTracker.prototype;
  CursorTracker.prototype.has = () => false;
  return () => {
    CursorTracker.prototype.has = has;
  };
}

/** The first two messages after a resume change places. */
function reorderWhatIsSentAgain(): () => void {
  const { resume, receive } = Feed.prototype;
  const resumed = new WeakSet<Feed>();
  Feed.prototype.resume = function () {
    resumed.add(this);
    resume.call(this);
  };
  Feed.prototype.receive = function (frame, epochs) {
    const [first, second, ...rest] = frame.items;
    const isFound = resumed.has(this) && first?.kind === 'message' && second?.kind === 'message';
    if (isFound) resumed.delete(this);
    receive.call(this, isFound ? { ...frame, items: [second, first, ...rest] } : frame, epochs);
  };
  return () => Object.assign(Feed.prototype, { resume, receive });
}
