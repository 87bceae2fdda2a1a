import { describe, expect, it } from 'vitest';
import { type Person, Presence } from '../../demo/chat/presence.ts';
import type { HubEvent } from '../../demo/chat/rooms.ts';

const ada = { session: 'a', client: 'Ada' };
const bound = (key: string, who: object = ada, queue = 1): HubEvent =>
  ({ ...who, queue, exchange: 'chat', key }) as HubEvent;

/** Ada, here, following all rooms. */
function withAda(): Presence {
  const presence = new Presence();
  presence.take('binding.created.chat.seat.1', bound('seat.1'));
  presence.take('binding.created.chat.room.*', bound('room.*'));
  return presence;
}

const told = (session: string): Person => ({ session, name: 'Ben', isAway: false, follows: [[1, 'room.*']] });

describe('presence', () => {
  it('takes a session with a seat for a person, and no other', () => {
    const presence = new Presence();
    expect(presence.take('session.opened', ada)).toBeUndefined();
    expect(presence.take('binding.created.chat.room.*', bound('room.*'))).toBeUndefined();
    expect(presence.people.size).toBe(0);
    expect(presence.take('binding.created.chat.seat.1', bound('seat.1'))).toMatchObject({ move: 'joined' });
    expect(presence.take('session.closed', { session: 'feeder' })).toBeUndefined();
    expect(presence.people.get('a')).toMatchObject({ name: 'Ada', isAway: false });
  });

  it('tells who is lost, is back, and has left, each once', () => {
    const presence = withAda();
    const moves = ['parked', 'parked', 'resumed', 'resumed', 'closed', 'closed'].map(
      (what) => presence.take(`session.${what}`, ada)?.move,
    );
    expect(moves).toEqual(['lost', undefined, 'back', undefined, 'left', undefined]);
    expect(presence.people.size).toBe(0);
  });

  it('knows the rooms of a person who changes them: the new queue comes before the old one goes', () => {
    const presence = withAda();
    expect(presence.take('binding.created.chat.seat.2', bound('seat.2', ada, 2))).toBeUndefined();
    presence.take('binding.created.chat.room.lobby', bound('room.lobby', ada, 2));
    presence.take('binding.deleted.chat.room.*', bound('room.*', ada, 1));
    expect(presence.people.get('a')?.follows).toEqual([[2, 'room.lobby']]);
  });

  it('believes who is here, but not that a closed session still is', () => {
    const presence = withAda();
    presence.take('session.closed', { session: 'gone' });
    presence.told([told('b'), told('gone'), { ...told('a'), name: 'Mallory' }]);
    expect([...presence.people.values()].map(({ name }) => name)).toEqual(['Ada', 'Ben']);
  });

  it.each([[undefined], ['Ben'], [[null, 7, {}, { ...told('b'), follows: [1] }, { ...told('b'), name: 5 }]]])(
    'takes no harm from %j',
    (people) => {
      const presence = withAda();
      presence.told(people);
      expect(presence.people.size).toBe(1);
    },
  );
});
