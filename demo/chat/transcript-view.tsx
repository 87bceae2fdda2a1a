/** The transcript of a window, and below it what still waits to be sent. Follows its end, unless read further up. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Avatar } from '../shared/avatar.tsx';
import { clockTime, count, duration } from '../shared/figures.ts';
import { toneOf } from '../shared/people-names.ts';
import type { Seat, Waiting } from './seat.ts';
import type { Entry, Line } from './transcript.ts';

const NEAR_PX = 60;

export function TranscriptView({ seat }: { readonly seat: Seat }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const { entries } = seat.transcript;
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <div
      class="transcript"
      ref={box}
      role="log"
      aria-label={`What ${seat.name} sees`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      }}
    >
      <ol>
        {entries.map((entry, index) => (
          <EntryView key={entry.n} entry={entry} isRunOn={isRunOn(entries[index - 1], entry)} />
        ))}
        {entries.length === 0 && seat.waiting.length === 0 && (
          <li class="empty">
            {seat.isReady ? 'Nothing has been said yet: write the first line.' : 'Joining…'}
          </li>
        )}
        {seat.waiting.map((line) => (
          <WaitingView key={line.id} seat={seat} line={line} />
        ))}
      </ol>
    </div>
  );
}

/** The same person goes on in the same room: name and picture need not be said again. */
function isRunOn(before: Entry | undefined, entry: Entry): boolean {
  if (entry.kind !== 'line' || before?.kind !== 'line') return false;
  const a = before.line;
  const b = entry.line;
  return a.from === b.from && a.room === b.room && a.isOwn === b.isOwn && before.when === entry.when;
}

function EntryView({ entry, isRunOn }: { readonly entry: Entry; readonly isRunOn: boolean }) {
  switch (entry.kind) {
    case 'line':
      return <LineView line={entry.line} when={entry.when} isRunOn={isRunOn} />;
    case 'history':
      return (
        <li class="note rule" data-kind="history">
          <span>
            {entry.count === 1
              ? 'the line above was said before you came'
              : `the last ${entry.count} lines, said before you came`}
          </span>
        </li>
      );
    case 'move':
      return (
        <li class="note" data-kind={entry.move}>
          {moveText(entry)}
        </li>
      );
    case 'gap':
      return (
        <li class="note gap" data-kind="gap">
          <b>{lostText(entry.gap.count)}</b> {GAP_REASONS[entry.gap.reason] ?? entry.gap.reason}
        </li>
      );
    case 'offline':
      return (
        <li class="note rule offline-rule" data-kind="offline">
          <span>you went offline at {clockTime(entry.atMs)}</span>
        </li>
      );
    case 'back':
      return (
        <li class="note rule back-rule" data-kind="back">
          <span>
            {entry.isResumed ? 'back' : 'back in a new session'} after {duration(entry.afterMs)}:{' '}
            {entry.caughtUp === 0 ? 'nothing was said' : `${lines(entry.caughtUp)} caught up`},{' '}
            <b class={entry.lost === 0 ? '' : 'is-lost'}>
              {entry.lost === 0 ? 'nothing lost' : `${entry.lost ?? 'an unknown number of'} lost`}
            </b>
          </span>
        </li>
      );
    default:
      return entry satisfies never;
  }
}

function LineView({
  line,
  when,
  isRunOn,
}: {
  readonly line: Line;
  readonly when: string;
  readonly isRunOn: boolean;
}) {
  const { from, room, text, timeMs, isOwn } = line;
  return (
    <li
      class={`line ${toneOf(from)} ${isOwn ? 'is-own' : ''} ${isRunOn ? 'runs-on' : ''} ${when}`}
      data-kind="line"
    >
      {!isOwn && <Avatar name={from} />}
      <div class="bubble">
        <p class={isRunOn ? 'sr-only' : 'by'}>
          <b>{isOwn ? 'You' : from}</b> <span class="room">{room}</span>
        </p>
        <p class="text">{text}</p>
        <time dateTime={new Date(timeMs).toISOString()}>
          {when === 'missed' && <span>caught up · </span>}
          {clockTime(timeMs)}
        </time>
      </div>
    </li>
  );
}

function WaitingView({ seat, line }: { readonly seat: Seat; readonly line: Waiting }) {
  const state = line.problem ? 'failed' : seat.isOffline ? 'waiting' : 'sending';
  return (
    <li class={`line is-own is-waiting ${state} ${toneOf(seat.name)}`} data-kind="waiting">
      <div class="bubble">
        <p class="by">
          <b>You</b> <span class="room">{line.room}</span>
        </p>
        <p class="text">{line.text}</p>
        <p class="state">
          {state === 'failed' ? `not sent: ${line.problem} ` : state === 'waiting' ? 'waiting' : 'sending'}
          {state === 'failed' && (
            <button type="button" onClick={() => seat.sendAgain(line)}>
              Try again
            </button>
          )}
        </p>
      </div>
    </li>
  );
}

function moveText({ move, name, isOwn }: Extract<Entry, { kind: 'move' }>): string {
  if (isOwn) return 'you joined';
  return {
    joined: `${name} joined`,
    left: `${name} left`,
    lost: `${name} lost the connection; the hub keeps what is said`,
    back: `${name} is back`,
  }[move];
}

const lines = (value: number): string => `${count(value)} ${value === 1 ? 'line' : 'lines'}`;

const lostText = (lost: number | null): string =>
  lost === null
    ? 'An unknown number of messages is missing here:'
    : `${count(lost)} ${lost === 1 ? 'message is' : 'messages are'} missing here:`;

const GAP_REASONS: Readonly<Record<string, string>> = {
  overflow: 'more came, joins and leaves included, than the hub was to keep for this window.',
  trimmed: 'they are older than what the hub still remembers.',
  epoch: 'the hub was restarted, and they were in its memory only.',
  memory: 'the hub ran out of memory for those who are away.',
  expired: 'they waited too long.',
};
