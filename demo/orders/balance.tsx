/** The sum over the customers of this page that has to hold whatever is killed. */
import { useChanges } from '../shared/changes.ts';
import { count } from '../shared/figures.ts';
import type { Customer } from './customer.ts';

export function Balance({ customers }: { readonly customers: readonly Customer[] }) {
  for (const { changes } of customers) useChanges(changes);
  const sum = { done: 0, work: 0, failed: 0, lost: 0, sending: 0, repeated: 0 };
  for (const { book } of customers) {
    const { done, work, failed, lost, sending } = book.counts;
    sum.done += done;
    sum.work += work;
    sum.failed += failed;
    sum.lost += lost;
    sum.sending += sending;
    sum.repeated += book.repeated;
  }
  const { done, work, failed, lost, sending, repeated } = sum;
  const placed = done + work + failed + lost;
  const holds = lost === 0 && repeated === 0;
  return (
    <p
      class="balance panel"
      data-placed={placed}
      data-done={done}
      data-work={work}
      data-failed={failed}
      data-lost={lost}
      data-sending={sending}
      data-repeated={repeated}
    >
      <span>
        <b>{count(placed)}</b> placed
      </span>
      <span>
        = <b>{count(done)}</b> done
      </span>
      <span>
        + <b>{count(work)}</b> in work
      </span>
      <span>
        + <b>{count(failed)}</b> failed
      </span>
      <span class={holds ? 'holds' : 'broken'}>
        {count(lost)} lost, {count(repeated)} twice {holds ? '✓' : '✗'}
      </span>
      {sending > 0 && <span class="muted">{count(sending)} not confirmed yet</span>}
    </p>
  );
}
