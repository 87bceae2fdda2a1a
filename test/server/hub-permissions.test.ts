/** Ways by which messages are led elsewhere, and what they take (PROTOCOL §21): the cases that chance seldom finds. */
import { ERRORS, type ServerFrame } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { Principals } from '../../server/src/auth/principal.ts';
import type { PermissionRule } from '../../server/src/core/permission-rules.ts';
import { HubScene } from './support/hub-scene.ts';
import type { RawFrame } from './support/scripted-client.ts';

/** What eve is answered: `ok` or the name of an error. */
function asked(rules: readonly PermissionRule[], ...frames: RawFrame[]): string[] {
  const principals = new Principals(new Map([['browser', rules]]));
  const scene = new HubScene({
    principal: (subject) => principals.of({ subject, role: subject === 'eve' ? 'browser' : 'server' }),
  });
  const root = scene.client('root');
  root.send(['declare', 1, 'chat', { type: 'topic' }], ['declare', 2, 'open', { type: 'topic' }]);
  root.send(['declare', 3, 'all', { type: 'fanout' }], ['declareQueue', 4, 'work', {}]);
  const eve = scene.client('eve');
  eve.take();
  return frames.map((frame) => {
    eve.send(frame);
    const answer = eve
      .take()
      .find((one): one is Extract<ServerFrame, { type: 'ok' | 'error' }> =>
        ['ok', 'error'].includes(one.type),
      );
    if (answer?.type !== 'error') return answer?.type ?? 'nothing';
    return Object.entries(ERRORS).find(([, { code }]) => code === answer.code)![0];
  });
}

const declaring: PermissionRule = { allow: ['declare', 'consume'], queues: ['own*'] };
const queue = (name: string, options: object): RawFrame => ['declareQueue', 1, name, options];

describe('dead letters', () => {
  const some: PermissionRule = { allow: ['publish'], exchanges: ['open'], keys: ['', 'dead.*'] };

  it('take the permission to publish with their key, or with all keys where they keep their own', () => {
    expect(
      asked(
        [declaring, some],
        queue('own1', { deadLetterExchange: 'open' }),
        queue('own2', { deadLetterExchange: 'open', deadLetterKey: 'dead.x' }),
        queue('own3', { deadLetterExchange: 'open', deadLetterKey: 'alive' }),
        queue('own4', { deadLetterExchange: 'open', deadLetterKey: '' }),
        queue('own5', { deadLetterExchange: 'chat', deadLetterKey: 'dead.x' }),
        // One word is not all of them, though the word `#` is one.
        queue('own6', { deadLetterExchange: 'open', deadLetterKey: 'dead.#' }),
      ),
    ).toEqual(['forbidden', 'ok', 'forbidden', 'ok', 'forbidden', 'ok']);
    const all: PermissionRule = { allow: ['publish'], exchanges: ['open'], keys: ['', '*.#'] };
    expect(asked([declaring, all], queue('own1', { deadLetterExchange: 'open' }))).toEqual(['ok']);
    const oneWord: PermissionRule = { allow: ['publish'], exchanges: ['open'], keys: ['*'] };
    expect(asked([declaring, oneWord], queue('own1', { deadLetterExchange: 'open' }))).toEqual(['forbidden']);
  });

  it('take the permission to consume: a TTL of nothing would empty the queue into them', () => {
    const only: PermissionRule = { allow: ['declare'], queues: ['own*'] };
    const all: PermissionRule = { allow: ['publish'], exchanges: ['open'] };
    expect(asked([only, all], queue('own1', { deadLetterExchange: 'open' }), queue('own2', {}))).toEqual([
      'forbidden',
      'ok',
    ]);
  });
});

describe('bindings between exchanges', () => {
  const linking: PermissionRule = {
    allow: ['bind', 'subscribe'],
    exchanges: ['chat', 'all'],
    keys: ['room1.#'],
  };
  const writing: PermissionRule = { allow: ['publish'], exchanges: ['open'], keys: ['room1.*'] };

  it('may let through what may be read here and written there, and no more', () => {
    expect(
      asked(
        [linking, writing],
        ['bind', 1, 'open', 'chat', 'room1.*'],
        ['bind', 2, 'open', 'chat', 'room1.#'],
        ['bind', 3, 'open', 'chat', '#'],
        ['bind', 4, 'open', 'all', 'room1.x'],
        ['bind', 5, 'chat', 'open', 'room1.x'],
        ['unbind', 6, 'open', 'chat', 'room1.*'],
      ),
    ).toEqual(['ok', 'forbidden', 'forbidden', 'forbidden', 'forbidden', 'ok']);
  });

  it('are not made by the word # where every key is meant', () => {
    const word: PermissionRule = { allow: ['publish'], exchanges: ['open'], keys: ['*'] };
    const reading: PermissionRule = { allow: ['bind', 'subscribe'], exchanges: ['all'] };
    expect(asked([reading, word], ['bind', 1, 'open', 'all', '#'])).toEqual(['forbidden']);
  });
});

describe('what is not permitted', () => {
  it('is forbidden whether it is there or not', () => {
    const frames = (name: string): RawFrame[] => [
      ['subscribe', 1, { bindings: [[name, '#']] }],
      ['history', 2, { bindings: [[name, '#']], before: null }],
      ['declare', 3, name, { passive: true }],
      ['delete', 4, name],
      ['bind', 5, 'open', name, '#'],
      ['bind', 6, name, 'open', '#'],
      ['bind', 7, { queue: 'own1' }, name, '#'],
    ];
    const rules: PermissionRule[] = [
      declaring,
      { allow: ['publish', 'subscribe', 'bind'], exchanges: ['open'] },
    ];
    for (const name of ['chat', 'nowhere'])
      expect(asked(rules, ...frames(name))).toEqual(Array(7).fill('forbidden'));
    const queues: RawFrame[] = ['work', 'nowhere'].flatMap((name) => [
      ['declareQueue', 1, name, { passive: true }],
      ['inspect', 2, name],
      ['consume', 3, { consume: name }],
      ['purge', 4, name],
      ['deleteQueue', 5, name],
      ['bind', 6, { queue: name }, 'open', '#'],
    ]);
    expect(asked(rules, ...queues)).toEqual(Array(12).fill('forbidden'));
  });
});

describe('an alternate exchange', () => {
  it('takes the permission to read all of the one and to write all to the other', () => {
    const declares: PermissionRule = { allow: ['declare'], exchanges: ['mine'] };
    const reads: PermissionRule = { allow: ['subscribe'], exchanges: ['mine'] };
    const writes: PermissionRule = { allow: ['publish'], exchanges: ['open'] };
    const frame: RawFrame = ['declare', 1, 'mine', { type: 'topic', alternate: 'open' }];
    expect(asked([declares, reads, writes], frame)).toEqual(['ok']);
    expect(asked([declares, writes], frame)).toEqual(['forbidden']);
    expect(asked([declares, reads], frame)).toEqual(['forbidden']);
    expect(asked([declares, reads, { ...writes, keys: ['*'] }], frame)).toEqual(['forbidden']);
    const everything: PermissionRule = { allow: ['publish', 'subscribe', 'declare'], exchanges: ['*'] };
    expect(asked([everything], ['declare', 1, 'mine', { type: 'topic', alternate: 'hub.events' }])).toEqual([
      'forbidden',
    ]);
  });
});
