/**
 * The hub of the kill tests: `ringhub` as it is. With CHAOS_FAULT=early-confirm, for the control, it confirms what its
 * store does not have yet; the fault is planted here, so that the product has no switch for it.
 */
import { WriteGroup } from '../../server/src/engines/write-group.ts';

if (process.env.CHAOS_FAULT === 'early-confirm') {
  WriteGroup.prototype.whenStored = (done) => {
    queueMicrotask(() => (typeof done === 'function' ? done(false) : done.told(false)));
  };
}

await import('../../server/src/main.ts');
