/** One window: who, where, what was said, and what to write. */
import type { TargetedSubmitEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Avatar } from '../shared/avatar.tsx';
import { useChanges } from '../shared/changes.ts';
import { toneOf } from '../shared/people-names.ts';
import type { Person } from './presence.ts';
import { cleanName, type Followed, ROOMS, roomKey } from './rooms.ts';
import { ROOMY, type Seat } from './seat.ts';
import { TranscriptView } from './transcript-view.tsx';

interface SeatProps {
  readonly seat: Seat;
}

interface ChatWindowProps extends SeatProps {
  readonly index: number;
  readonly onClose: (() => void) | undefined;
}

const MAX_TEXT = 500;
const SMALL = 3;

export function ChatWindow({ seat, index, onClose }: ChatWindowProps) {
  useChanges(seat.changes);
  return (
    <article
      class={`panel window ${toneOf(seat.name)} ${seat.isOffline && seat.isReady ? 'is-offline' : ''}`}
      aria-label={`${seat.name}'s window`}
      data-window={index}
    >
      <header class="window-head">
        <Avatar name={seat.name} />
        <Name seat={seat} />
        <LinkPill seat={seat} />
        {onClose && (
          <button type="button" class="close" aria-label={`Close ${seat.name}'s window`} onClick={onClose}>
            ×
          </button>
        )}
      </header>
      <Rooms seat={seat} />
      <People seat={seat} />
      {seat.problem && (
        <p class="problem" role="alert">
          {seat.problem}
        </p>
      )}
      <TranscriptView seat={seat} />
      <Composer seat={seat} />
      <Offline seat={seat} />
    </article>
  );
}

function Name({ seat }: SeatProps) {
  const id = useId();
  return (
    <div class="name">
      <label class="sr-only" for={id}>
        Your name in this window
      </label>
      <input
        id={id}
        value={seat.name}
        maxLength={20}
        autocomplete="off"
        spellcheck={false}
        title="Your name: change it, and you leave and join again"
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
        onChange={(event) => {
          const name = cleanName(event.currentTarget.value);
          event.currentTarget.value = name || seat.name;
          seat.rename(name);
        }}
      />
    </div>
  );
}

function LinkPill({ seat }: SeatProps) {
  const text = {
    connecting: seat.isReady ? 'offline' : 'connecting',
    waiting: 'offline',
    online: seat.isReady ? 'online' : 'joining',
    draining: 'the hub restarts',
    closed: 'closed',
  }[seat.state];
  const look = seat.state === 'connecting' && seat.isReady ? 'waiting' : seat.state;
  return (
    <p class={`link-state ${look}`} data-state={text} role="status">
      <i aria-hidden="true" /> {text}
    </p>
  );
}

function Rooms({ seat }: SeatProps) {
  const isOn = (room: Followed) => seat.follows.includes(room);
  const toggle = (room: Followed) => {
    if (room === '*') return seat.follow(['*']);
    const others = seat.follows.filter((followed) => followed !== '*' && followed !== room);
    // The last room stays: a window that follows nothing would have nothing to show.
    if (isOn(room) && others.length === 0) return;
    seat.follow(isOn(room) ? others : ROOMS.filter((name) => name === room || others.includes(name)));
  };
  return (
    <fieldset class="rooms" disabled={seat.isOffline}>
      <legend>
        Follows{' '}
        {seat.follows.map((room) => (
          <code key={room}>{roomKey(room)}</code>
        ))}
      </legend>
      <div class="chips">
        {(['*', ...ROOMS] as const).map((room) => (
          <label key={room} class={isOn(room) ? 'is-chosen' : ''}>
            <input type="checkbox" checked={isOn(room)} onChange={() => toggle(room)} />
            {room === '*' ? 'All rooms' : capital(room)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function People({ seat }: SeatProps) {
  const people = [...seat.presence.people.values()].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <section class="people" aria-label="People here">
      <ul>
        {people.map((person) => (
          <PersonChip key={person.session} person={person} isMe={seat.isMe(person.session)} seat={seat} />
        ))}
      </ul>
    </section>
  );
}

function PersonChip({ person, isMe, seat }: SeatProps & { readonly person: Person; readonly isMe: boolean }) {
  const isAway = isMe ? seat.isOffline : person.isAway;
  const rooms = [...new Set(person.follows.map(([, key]) => key))].join(', ');
  return (
    <li class={isAway ? 'is-away' : ''} title={rooms === '' ? undefined : `follows ${rooms}`}>
      <Avatar name={person.name} />
      {isMe ? 'you' : person.name}
      <span class="where">
        {isAway ? 'offline' : rooms.replaceAll('room.', '').replace('*', 'all rooms')}
      </span>
    </li>
  );
}

function Composer({ seat }: SeatProps) {
  const id = useId();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string>(ROOMS[0]);
  const open = seat.follows.includes('*') ? ROOMS : ROOMS.filter((room) => seat.follows.includes(room));
  const room = open.find((name) => name === chosen) ?? open[0] ?? ROOMS[0];
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = text.trim();
    if (said === '' || !seat.isReady) return;
    seat.say(room, said);
    setText('');
  };
  return (
    <form class="composer" onSubmit={submit}>
      <label class="sr-only" for={`${id}-room`}>
        Room to write to
      </label>
      <select id={`${id}-room`} value={room} onChange={(event) => setChosen(event.currentTarget.value)}>
        {open.map((name) => (
          <option key={name} value={name}>
            {capital(name)}
          </option>
        ))}
      </select>
      <label class="sr-only" for={`${id}-text`}>
        Write a line
      </label>
      <input
        id={`${id}-text`}
        value={text}
        maxLength={MAX_TEXT}
        autocomplete="off"
        placeholder={seat.isOffline && seat.isReady ? 'Write: it waits until you are back' : 'Write a line'}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="primary" disabled={!seat.isReady}>
        Send
      </button>
    </form>
  );
}

function Offline({ seat }: SeatProps) {
  const id = useId();
  return (
    <div class="offline">
      {seat.line.isDown ? (
        <button type="button" class="primary" onClick={() => seat.comeBack()}>
          Come back
        </button>
      ) : (
        <button
          type="button"
          class="danger"
          aria-disabled={seat.isOffline}
          onClick={() => seat.isOffline || seat.goOffline()}
        >
          Go offline
        </button>
      )}
      <div class="keep" data-granted={seat.granted}>
        <label for={id}>The hub keeps for me</label>
        <select
          id={id}
          value={String(seat.capacity)}
          disabled={seat.isOffline}
          onChange={(event) => seat.keep(Number(event.currentTarget.value))}
        >
          <option value={String(ROOMY)}>{ROOMY} messages</option>
          <option value={String(SMALL)}>{SMALL} messages</option>
        </select>
      </div>
      <p class="hint">
        <b>What you should see:</b>{' '}
        {seat.capacity === SMALL
          ? 'away for longer than it keeps, you come back to a gap, told in its place with its count.'
          : 'away, your lines wait here; back, you catch up in order and they go out once.'}
      </p>
    </div>
  );
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
