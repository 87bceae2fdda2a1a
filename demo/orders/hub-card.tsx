/** How to kill the hub itself, which no page can do, and what became of the dead letters meanwhile. */
import { useChanges } from '../shared/changes.ts';
import { FAILED_QUEUE } from '../shared/shop.ts';
import { Depth } from './worker-card.tsx';
import type { Workshop } from './workshop.ts';

export function HubCard({ workshop }: { readonly workshop: Workshop }) {
  useChanges(workshop.changes);
  const { isCutOff, isDurable, hubPid, problem } = workshop;
  return (
    <>
      <article class="panel service" data-queue={FAILED_QUEUE} aria-label="Dead letters">
        <header>
          <h3>Dead letters</h3>
        </header>
        <p class="muted">Rejected, or failed 5 times. Mail writes to who waits for it.</p>
        <Depth info={workshop.queues.get(FAILED_QUEUE)} />
      </article>
      <article
        class={`panel service hub ${isCutOff ? 'is-restarting' : ''}`}
        data-hub={isCutOff ? 'gone' : 'here'}
      >
        <header>
          <h3>Kill the hub</h3>
        </header>
        {isCutOff ? (
          <p role="status">
            <b class="broken">The hub is gone</b>, its workers with it. Start it again, where you had started
            it: this page finds it by itself. {isDurable && 'All orders lie on its disk.'}
          </p>
        ) : (
          <>
            <p>A page cannot start it again, so this is for your terminal; then start the hub as before:</p>
            <p>
              <code class="command">kill -9 {hubPid ?? '…'}</code>
            </p>
          </>
        )}
        {!isDurable && (
          <p class="problem" data-durable="no">
            This hub keeps no data (<code>--data none</code>): orders outlive their workers, but not the hub.
          </p>
        )}
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </article>
    </>
  );
}
