/** The page: what it is, what to try, and the windows side by side. */
import { useChanges } from '../shared/changes.ts';
import { Mark } from '../shared/mark.tsx';
import { freeName } from '../shared/people-names.ts';
import { ChatWindow } from './chat-window.tsx';
import { MAX_SEATS, type Table } from './table.ts';

export function ChatPage({ table }: { readonly table: Table }) {
  useChanges(table.changes);
  const { seats } = table;
  const names = seats.map((seat) => seat.name);
  return (
    <>
      <header class="top">
        <h1>
          <Mark /> Ringhub <small>chat</small>
        </h1>
        <nav class="table-actions" aria-label="Windows">
          <a
            class="button"
            href={`?as=${encodeURIComponent(freeName(names))}`}
            target="_blank"
            rel="noopener"
          >
            Join from another tab
          </a>
          <button type="button" disabled={seats.length >= MAX_SEATS} onClick={() => table.add()}>
            Add a window
          </button>
        </nav>
      </header>
      <main>
        <Intro />
        <div class={`table of-${seats.length}`}>
          {seats.map((seat, index) => (
            <ChatWindow
              key={seat}
              seat={seat}
              index={index}
              onClose={seats.length > 1 ? () => table.remove(seat) : undefined}
            />
          ))}
        </div>
      </main>
    </>
  );
}

const Intro = () => (
  <section class="intro" aria-labelledby="intro-title">
    <div class="intro-words">
      <h2 id="intro-title">A conversation that survives being offline</h2>
      <p>
        Each window is a client of its own, with its own connection: two of them know no more of each other
        than two computers would. A room is a routing key, what a window follows is a pattern.{' '}
        <b>Every line arrives once and in order, or the window says which ones it missed and why.</b>
      </p>
    </div>
    <ol class="steps">
      <li>
        <b>Go offline</b> in one window.
      </li>
      <li>
        <b>Write in both.</b> The lines written offline wait, marked so.
      </li>
      <li>
        <b>Come back.</b>{' '}
        <span class="muted">
          You should see: what was missed arrives in order, what waited is sent, each line once.
        </span>
      </li>
    </ol>
  </section>
);
