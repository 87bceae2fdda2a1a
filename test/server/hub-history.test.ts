/** `history` and `stats` on the wire: paging in both directions, gaps, bounds, and who may ask (PROTOCOL §10). */
import {
  type BindingSpec,
  ERRORS,
  type HistoryPage,
  type HistoryRange,
  type HistoryRequest,
  type Item,
  parseCursor,
} from '@ringhub/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HubScene, type HubSceneOptions } from './support/hub-scene.ts';
import type { ScriptedClient } from './support/scripted-client.ts';

const ALL: BindingSpec[] = [['amq.topic', '#']];
let refs = 0;

function answerOf(client: ScriptedClient, request: Partial<HistoryRequest>) {
  const ref = ++refs;
  client.send(['history', ref, { bindings: ALL, ...request }]);
  const answers = client.take().filter((frame) => 'ref' in frame && frame.ref === ref);
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

function page(client: ScriptedClient, request: Partial<HistoryRequest>): HistoryPage {
  const answer = answerOf(client, request);
  expect(answer.type).toBe('ok');
  return (answer as unknown as { result: HistoryPage }).result;
}

const shown = (items: readonly Item[]) =>
  items.map((item) => {
    if (item.kind === 'message') return item.key;
    if (item.kind !== 'gap') return item.kind;
    const [{ epoch, from, to }] = item.gap.ranges as unknown as [
      { epoch: string; from: number; to: number | null },
    ];
    return `${item.gap.reason} ${epoch} ${from}-${to}`;
  });

function setup(options: HubSceneOptions = {}) {
  const scene = new HubScene(options);
  const client = scene.client();
  client.take();
  return { scene, client, at: (offset: number, epoch = scene.epoch) => `v:${epoch}:${offset}` };
}

const keys = (count: number, prefix = 'k.') => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

describe('history', () => {
  it('goes forward from a cursor, page by page', () => {
    const { scene, client, at } = setup();
    scene.publish(...keys(5));
    const first = page(client, { after: at(0), limit: 3 });
    expect([shown(first.items), first.more]).toEqual([['k.1', 'k.2', 'k.3'], true]);
    const second = page(client, { after: first.cursor, limit: 3 });
    expect([shown(second.items), second.cursor, second.more]).toEqual([['k.4', 'k.5'], at(5), false]);
    expect(page(client, { after: second.cursor })).toEqual({ items: [], cursor: at(5), more: false });
  });

  it('goes back from the head, each page in order', () => {
    const { scene, client, at } = setup();
    scene.publish(...keys(5));
    const first = page(client, { before: null, limit: 2 });
    expect([shown(first.items), first.cursor, first.more]).toEqual([['k.4', 'k.5'], at(3), true]);
    const second = page(client, { before: first.cursor, limit: 3 });
    expect([shown(second.items), second.cursor, second.more]).toEqual([['k.1', 'k.2', 'k.3'], at(0), false]);
  });

  it('gives items exactly as they are delivered', () => {
    const { scene, client, at } = setup();
    scene.publishNow('a', '€', { id: 'i', headers: { h: '1' } });
    client.subscribe({ since: 'earliest' });
    const [delivered] = client.all('deliver');
    expect(page(client, { after: at(0) }).items).toEqual(delivered!.items);
  });

  it('tells what was trimmed, in both directions', () => {
    const { scene, client, at } = setup({ log: { maxMessages: 3 } });
    scene.publish(...keys(5));
    const trimmed = (from: number) => `trimmed ${scene.epoch} ${from}-2`;
    expect(shown(page(client, { after: at(1) }).items)).toEqual([trimmed(2), 'k.3', 'k.4', 'k.5']);
    expect(shown(page(client, { before: null }).items)).toEqual([trimmed(1), 'k.3', 'k.4', 'k.5']);
    expect(page(client, { before: at(1) })).toMatchObject({ cursor: at(0), more: false });
  });

  it('tells of another life of the log, then goes on from its start', () => {
    const { scene } = setup();
    scene.publish(...keys(4));
    const old = scene.epoch;
    scene.restart();
    scene.publish('new');
    const client = scene.client();
    expect(shown(page(client, { after: `v:${old}:2` }).items)).toEqual([`epoch ${old} 3-null`, 'new']);
    expect(shown(page(client, { before: `v:${old}:2` }).items)).toEqual([`epoch ${old} 1-2`]);
    expect(shown(page(client, { ranges: [['v', old, 1, 2]] }).items)).toEqual([`epoch ${old} 1-2`]);
  });

  it('gives back exactly what a gap names', () => {
    const { scene, client } = setup();
    const { queue } = client.subscribe({ capacity: 2, prefetch: 1, bindings: [['amq.topic', 'k.#']] });
    client.take();
    scene.publish('k.1', 'other.1', 'k.2', 'k.3', 'k.4');
    client.send(['ack', queue, 1]);
    const [gap] = client
      .takeOf('deliver')
      .flatMap(({ items }) => items)
      .filter((item) => item.kind === 'gap');
    const ranges = gap!.gap.ranges.map(({ log, epoch, from, to }): HistoryRange => [log, epoch, from, to]);
    const found = page(client, { bindings: [['amq.topic', 'k.#']], ranges });
    expect(found.items).toHaveLength(gap!.gap.count!);
    expect([shown(found.items), found.more]).toEqual([['k.1', 'k.2'], false]);
  });

  it('leaves out what has expired', () => {
    const { scene, client, at } = setup();
    client.publish(1, 'short', 'x', { ttlMs: 10 }).publish(2, 'long');
    client.take();
    expect(shown(page(client, { after: at(0) }).items)).toEqual(['short', 'long']);
    scene.clock.advance(10);
    expect(shown(page(client, { after: at(0) }).items)).toEqual(['long']);
  });

  it('never shows what was published under an old declaration of a name', () => {
    const { client, at } = setup();
    const bindings: BindingSpec[] = [['x', '#']];
    client.send(['declare', 1, 'x', { type: 'topic' }], ['publish', 1, 'x', 'old', '']);
    client.take();
    expect(shown(page(client, { bindings, after: at(0) }).items)).toEqual(['old']);
    client.send(['delete', 2, 'x'], ['declare', 3, 'x', { type: 'topic' }]);
    client.take();
    expect(page(client, { bindings, after: at(0) }).items).toEqual([]);
  });

  it('looks at so many records a page, and says that there may be more', () => {
    const { scene, client, at } = setup();
    for (let i = 0; i < 5000; i++) scene.publishNow(i === 4999 ? 'rare' : 'often');
    const bindings: BindingSpec[] = [['amq.topic', 'rare']];
    const first = page(client, { bindings, after: at(0) });
    expect(first).toEqual({ items: [], cursor: at(2048), more: true });
    const back = page(client, { bindings: [['amq.topic', 'never']], before: null });
    expect(back).toEqual({ items: [], cursor: at(5000 - 2048), more: true });
  });

  it('gives at most 200 KiB a page', () => {
    const { scene, client, at } = setup();
    for (let i = 0; i < 10; i++) scene.publishNow('k', 'é'.repeat(40_000));
    expect(page(client, { after: at(0) })).toMatchObject({ cursor: at(2), more: true });
    expect(page(client, { before: null }).items).toHaveLength(2);
  });

  it('answers pages asked for in advance one a turn, and none while the socket is full', () => {
    const { scene, client } = setup();
    for (let i = 0; i < 3; i++) scene.publishNow('k', 'x'.repeat(60_000));
    client.take();
    client.socket.bufferedBytes = 2 * 1024 * 1024;
    client.send(...[1, 2, 3].map((ref) => ['history', ref, { bindings: ALL, before: null }]));
    expect(client.take()).toEqual([]);
    client.socket.bufferedBytes = 0;
    client.handler.drained();
    scene.clock.turn();
    scene.clock.turn();
    expect(client.take().length).toBeLessThan(3);
    scene.clock.settle();
    expect(client.all('ok').map(({ ref }) => ref)).toEqual([1, 2, 3]);
  });

  it('refuses more questions than may wait, and forgets those of a lost connection', () => {
    const { scene, client } = setup();
    client.socket.bufferedBytes = 2 * 1024 * 1024;
    client.send(...keys(40).map((_, ref) => ['history', ref, { bindings: ALL, before: null }]));
    client.socket.bufferedBytes = 0;
    client.handler.drained();
    scene.clock.settle();
    expect(client.takeOf('error').map(({ code }) => code)).toEqual(Array(8).fill(ERRORS.unavailable.code));
    const other = scene.client();
    other.sendNow(['history', 1, { bindings: ALL, before: null }]);
    other.cut();
    expect(other.all('ok')).toEqual([]);
    expect(scene.faults).toEqual([]);
  });

  it('is for who may subscribe, and for exchanges that are there', () => {
    const { client } = setup({ forbidden: (action, _, key) => action === 'subscribe' && key === 'secret' });
    const codeOf = (request: Partial<HistoryRequest>) =>
      (answerOf(client, request) as { code?: number }).code;
    expect(codeOf({ before: null, bindings: [['amq.topic', 'secret']] })).toBe(ERRORS.forbidden.code);
    expect(codeOf({ before: null, bindings: [['nowhere', '#']] })).toBe(ERRORS['unknown-exchange'].code);
    expect(codeOf({ after: 'd:e:1' })).toBe(ERRORS['bad-cursor'].code);
  });

  it('bounds its bindings like those of a session', () => {
    const { client } = setup({ session: { maxBindings: 2 } });
    const bindings = keys(3).map((key): BindingSpec => ['amq.topic', key]);
    expect(answerOf(client, { before: null, bindings })).toMatchObject({
      code: ERRORS['too-many-bindings'].code,
    });
  });

  it('a fault of the engine costs the page only', () => {
    let isBroken = false;
    const { scene, client } = setup({
      engine: (engine) => {
        const read = engine.readBack.bind(engine);
        engine.readBack = (...args) => {
          if (isBroken) throw new Error('broken');
          read(...args);
        };
        return engine;
      },
    });
    scene.publish('k');
    isBroken = true;
    expect(answerOf(client, { before: null })).toMatchObject({ code: ERRORS.unavailable.code });
    isBroken = false;
    expect(shown(page(client, { before: null }).items)).toEqual(['k']);
    expect(scene.faults).toHaveLength(1);
  });

  it('page by page, in any direction, is what a naive reader of the log sees', () => {
    const PATTERNS = ['#', 'a', 'b'];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(...PATTERNS),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(45),
        fc.array(fc.tuple(fc.nat(45), fc.option(fc.nat(10))), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (published, kept, pattern, limit, from, rawRanges, isLate) => {
          const { scene, client, at } = setup({
            log: { maxMessages: kept },
            ...(isLate && { engine: (engine) => lateReads(engine, () => scene.clock) }),
          });
          scene.publish(...published);
          const last = published.length;
          const first = Math.max(1, last - kept + 1);
          const bindings: BindingSpec[] = [['amq.topic', pattern]];
          const naive = (isAsked: (offset: number) => boolean) =>
            published.flatMap((key, i) =>
              i + 1 >= first && isAsked(i + 1) && (pattern === '#' || key === pattern) ? [i + 1] : [],
            );
          const start = Math.min(from, last);

          const forward = walk((cursor) => page(client, { bindings, limit, after: cursor ?? at(start) }));
          expect(offsetsOf(forward)).toEqual(naive((offset) => offset > start));
          expect(gapsOf(forward)).toEqual(first > start + 1 ? [[start + 1, first - 1]] : []);

          const backward = walk((cursor) => page(client, { bindings, limit, before: cursor ?? at(start) }));
          expect(offsetsOf(backward.toReversed())).toEqual(naive((offset) => offset <= start));
          expect(gapsOf(backward)).toEqual(start >= 1 && first > 1 ? [[1, Math.min(start, first - 1)]] : []);

          const ranges = rawRanges.map(
            ([a, width]): HistoryRange => [
              'v',
              scene.epoch,
              Math.min(a, last),
              width === null ? null : Math.min(last, a + width),
            ],
          );
          const filled = walk((cursor) => {
            const done = cursor ? parseCursor(cursor)![0]!.offset : -1;
            const rest = ranges
              .filter(([, , , to]) => to === null || to > done)
              .map(([log, epoch, a, to]): HistoryRange => [log, epoch, Math.max(a, done + 1), to]);
            return page(client, { bindings, limit, ranges: rest });
          });
          expect(offsetsOf(filled)).toEqual(
            naive((offset) => ranges.some(([, , a, to]) => offset >= a && (to === null || offset <= to))),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** An engine that answers reads in a later turn, as one over a network would. */
function lateReads(engine: HubScene['engine'], clock: () => HubScene['clock']): HubScene['engine'] {
  const read = engine.read.bind(engine);
  const readBack = engine.readBack.bind(engine);
  engine.read = (log, after, limit, done) =>
    clock().endOfTurn(() => read(log, after, Math.min(limit, 3), done));
  engine.readBack = (log, before, limit, done) =>
    clock().endOfTurn(() => readBack(log, before, Math.min(limit, 3), done));
  return engine;
}

function walk(next: (cursor: string | undefined) => HistoryPage): (readonly Item[])[] {
  const pages: (readonly Item[])[] = [];
  let cursor: string | undefined;
  for (let more = true; more; ) {
    const found = next(cursor);
    pages.push(found.items);
    ({ cursor, more } = found);
    expect(pages.length).toBeLessThan(100);
  }
  return pages;
}

const offsetsOf = (pages: readonly (readonly Item[])[]) =>
  pages.flat().flatMap((item) => (item.kind === 'message' ? [item.offset] : []));

const gapsOf = (pages: readonly (readonly Item[])[]) =>
  pages
    .flat()
    .flatMap((item) => (item.kind === 'gap' ? item.gap.ranges.map(({ from, to }) => [from, to]) : []));

describe('stats', () => {
  it('are for who may administer', () => {
    const { client } = setup();
    client.send(['stats', 7]);
    expect(client.takeOf('ok')).toMatchObject([
      { ref: 7, result: { connections: 1, ledger: { residual: 0 } } },
    ]);
    const { client: other } = setup({ forbidden: (action) => action === 'admin' });
    other.send(['stats', 8]);
    expect(other.takeOf('error')).toMatchObject([{ ref: 8, code: ERRORS.forbidden.code }]);
  });
});
