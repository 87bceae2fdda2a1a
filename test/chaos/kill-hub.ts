/**
 * The hub of the chaos tests: `ringhub` as it is. With CHAOS_FAULT it has a fault, so that a test is seen to find it; it is planted
 * here, so that the product has no switch for it.
 *
 * - `early-confirm`: it confirms what its store does not have yet.
 * - `resume-forgets`: of what a resumed queue has to send again, it leaves the first one out.
 */
import { SessionQueue } from '../../server/src/core/session-queue.ts';
import { WriteGroup } from '../../server/src/engines/write-group.ts';

const fault = process.env.CHAOS_FAULT;

if (fault === 'early-confirm') {
  WriteGroup.prototype.whenStored = (done) => {
    queueMicrotask(() => (typeof done === 'function' ? done(false) : done.told(false)));
  };
}

if (fault === 'resume-forgets') {
  const { resume } = SessionQueue.prototype;
  SessionQueue.prototype.resume = function (lastTag, ...rest) {
    resume.call(this, Math.min(lastTag + 1, this.window.lastTag), ...rest);
  };
}

await import('../../server/src/main.ts');
