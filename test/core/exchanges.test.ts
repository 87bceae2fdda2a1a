/** Exchanges by name, and records by what they reached (PROTOCOL §5). */
import { describe, expect, it } from 'vitest';
import { Exchanges } from '../../server/src/core/exchanges.ts';

const exchanges = (maxExchanges = 20) =>
  new Exchanges<object>({ maxExchanges, lastPerKeyEntries: 10, lastPerKeyBytes: 1_000 });
const TOPIC = { type: 'topic' } as const;

describe('exchanges', () => {
  it('has amq.topic from the start', () => {
    expect(exchanges().get('amq.topic')).toBeDefined();
    expect(exchanges().declare('amq.topic', TOPIC)).toBeUndefined();
  });

  it('declares, and declares again with the same attributes', () => {
    const all = exchanges();
    expect([all.declare('a', TOPIC), all.declare('a', TOPIC), all.size]).toEqual([undefined, undefined, 7]);
    expect(all.declare('a', { type: 'fanout' })).toBe('exchange-mismatch');
  });

  it.each([
    ['', 'bad-name'],
    ['a\nb', 'bad-name'],
    ['x'.repeat(128), 'bad-name'],
    ['amq.other', 'reserved-name'],
    ['hub.other', 'reserved-name'],
    ['__proto__', undefined],
  ])('answers %j with %s', (name, error) => {
    expect(exchanges().declare(name, TOPIC)).toBe(error);
  });

  it('has a bound', () => {
    const all = exchanges(7);
    expect([all.declare('a', TOPIC), all.declare('b', TOPIC), all.declare('a', TOPIC)]).toEqual([
      undefined,
      'too-many-exchanges',
      undefined,
    ]);
  });

  it('finds the exchange a record reached by its incarnation', () => {
    const all = exchanges();
    all.declare('a', TOPIC);
    const { self, incarnation } = all.get('a')!;
    expect(self).toEqual([incarnation]);
    expect(all.ofIncarnation(incarnation)?.name).toBe('a');
    expect(all.ofIncarnation(99)).toBeUndefined();
    expect(incarnation).not.toBe(all.get('amq.topic')!.incarnation);
  });
});

describe('the graph', () => {
  const target = { name: 'target' };
  const graph = (...names: readonly (string | [string, object])[]) => {
    const all = exchanges();
    for (const entry of names) {
      const [name, options] = typeof entry === 'string' ? [entry, {}] : entry;
      expect(all.declare(name, { ...TOPIC, ...options })).toBeUndefined();
    }
    const get = (name: string) => all.get(name)!;
    const link = (source: string, destination: string, key = '#') => ({
      source: get(source),
      destination: get(destination),
      binding: { key },
    });
    const reached = (name: string, key = 'k') => {
      const resolved = all.resolve(get(name), key, undefined);
      return {
        names: resolved.reached.map((id) => all.ofIncarnation(id)!.name),
        routable: resolved.routable,
      };
    };
    return { all, get, link, reached };
  };

  it('an exchange alone reaches itself', () => {
    const { get, reached } = graph('a');
    expect(reached('a')).toEqual({ names: ['a'], routable: false });
    get('a').table.bind({ key: 'k' }, target);
    expect(reached('a')).toEqual({ names: ['a'], routable: true });
    expect(reached('a', 'other').routable).toBe(false);
  });

  it('follows bindings between exchanges, each exchange once, through cycles and diamonds', () => {
    const { all, get, link, reached } = graph('a', 'b', 'c', 'd');
    for (const [from, to] of ['ab', 'ac', 'bd', 'cd', 'da', 'aa']) all.bindExchange(link(from!, to!));
    get('d').table.bind({ key: '#' }, target);
    const { names, routable } = reached('a');
    expect(names.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(routable).toBe(true);
  });

  it('follows only bindings whose pattern matches', () => {
    const { all, link, reached } = graph('a', 'b');
    expect(all.bindExchange(link('a', 'b', 'x.#'))).toBe(true);
    expect(all.bindExchange(link('a', 'b', 'x.#'))).toBe(false);
    expect(reached('a', 'x.y').names).toEqual(['a', 'b']);
    expect(reached('a', 'y').names).toEqual(['a']);
    expect(all.unbindExchange(link('a', 'b', 'x'))).toBe(false);
    expect(all.unbindExchange(link('a', 'b', 'x.#'))).toBe(true);
    expect(reached('a', 'x.y').names).toEqual(['a']);
  });

  it('goes to the alternate exchange only with what nothing is bound for, and along a chain of them', () => {
    const { get, reached } = graph(
      ['a', { alternate: 'b' }],
      ['b', { alternate: 'c' }],
      ['c', { alternate: 'a' }],
    );
    expect(reached('a').names).toEqual(['a', 'b', 'c']);
    get('b').table.bind({ key: 'k' }, target);
    expect(reached('a')).toEqual({ names: ['a', 'b'], routable: true });
    get('a').table.bind({ key: 'k' }, target);
    expect(reached('a').names).toEqual(['a']);
    expect(reached('a', 'other').names).toEqual(['a', 'b', 'c']);
  });

  it('an alternate exchange that is not there is passed over', () => {
    expect(graph(['a', { alternate: 'nobody' }]).reached('a').names).toEqual(['a']);
  });

  it('forgets a deleted exchange, and all bindings from and to it', () => {
    const { all, get, link, reached } = graph('a', 'b', 'c');
    for (const [from, to] of ['ab', 'bc', 'ca']) all.bindExchange(link(from!, to!));
    all.delete(get('b'));
    expect(all.exchangeBindingCount).toBe(1);
    expect(reached('a').names).toEqual(['a']);
    expect(all.declare('b', TOPIC)).toBeUndefined();
    expect(reached('a').names).toEqual(['a']);
  });

  it('says when an exchange has lost its last binding', () => {
    const { all, get, link } = graph(['a', { autoDelete: true }], 'b');
    all.bindExchange(link('a', 'b'));
    expect(all.isLeftOver(get('a'))).toBe(false);
    all.unbindExchange(link('a', 'b'));
    expect([all.isLeftOver(get('a')), all.isLeftOver(get('b'))]).toEqual([true, false]);
  });

  it('keeps its own exchanges, and on request those in use', () => {
    const { all, get } = graph('a');
    expect(all.deletionFault(get('amq.topic'), false)).toBe('reserved-name');
    expect(all.deletionFault(get('a'), true)).toBeUndefined();
    get('a').table.bind({ key: 'k' }, target);
    expect(all.deletionFault(get('a'), true)).toBe('exchange-in-use');
    expect(all.deletionFault(get('a'), false)).toBeUndefined();
  });
});
