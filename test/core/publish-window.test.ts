/** Numbered publishes: each once, no more at a time than the window, each answered alike however often it is sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublishWindow, type Settled } from '../../server/src/core/publish-window.ts';

const taken = (offset: number): Settled => ({ log: 'v', offset, sessions: 1 });

describe('a publish window', () => {
  it('takes numbers that grow by one', () => {
    const window = new PublishWindow({ messages: 10, bytes: 100 });
    expect(window.admit(2, 1).kind).toBe('sequence');
    expect(window.admit(1, 1).kind).toBe('new');
    expect(window.admit(3, 1).kind).toBe('sequence');
    expect(window.highWater).toBe(1);
  });

  it('keeps a place taken until its outcome was told', () => {
    const window = new PublishWindow({ messages: 1, bytes: 100 });
    window.admit(1, 1);
    window.settle(1, taken(1));
    expect(window.admit(2, 1).kind).toBe('window');
    window.told();
    expect(window.admit(3, 1).kind).toBe('new');
  });

  it('remembers a refusal for the window as its answer', () => {
    const window = new PublishWindow({ messages: 1, bytes: 100 });
    window.admit(1, 1);
    window.admit(2, 1);
    expect(window.admit(2, 1)).toEqual({ kind: 'answered', outcome: 'publish-window' });
  });

  it('counts a wrong publish as seen', () => {
    const window = new PublishWindow({ messages: 5, bytes: 100 });
    expect(window.refuse(1, 'bad-key').kind).toBe('new');
    expect(window.admit(1, 1)).toEqual({ kind: 'answered', outcome: 'bad-key' });
    expect(window.refuse(3, 'bad-key').kind).toBe('sequence');
    expect(window.admit(2, 1).kind).toBe('new');
    expect(window.refuse(2, 'bad-key').kind).toBe('pending');
  });

  it('asserts at a second settle', () => {
    const window = new PublishWindow({ messages: 5, bytes: 100 });
    window.admit(1, 1);
    window.settle(1, taken(1));
    expect(() => window.settle(1, taken(1))).toThrow('settled twice');
  });

  it('does as the model does, out of order too, and remembers what can still be sent again', () => {
    const op = fc.oneof(
      fc.record({ op: fc.constant('next' as const), bytes: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ op: fc.constant('settle' as const), at: fc.nat(20) }),
      fc.record({ op: fc.constant('told' as const) }),
      fc.record({ op: fc.constant('again' as const), back: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 300 }), (ops) => {
        const limits = { messages: 4, bytes: 20 };
        const window = new PublishWindow(limits);
        const model = new Map<
          number,
          { bytes: number; state: 'pending' | 'settled' | 'told'; outcome?: Settled }
        >();
        let seq = 0;
        /** Numbers a client may still send again: those it cannot know the answer of. */
        let unanswered = new Set<number>();
        const open = () => [...model.values()].filter(({ state }) => state !== 'told');
        for (const command of ops) {
          if (command.op === 'next') {
            // A client sends no more than fit beside what it has no answer for.
            if (unanswered.size >= limits.messages) continue;
            seq++;
            const fits =
              open().length < limits.messages &&
              open().reduce((sum, { bytes }) => sum + bytes, 0) + command.bytes <= limits.bytes;
            expect(window.admit(seq, command.bytes).kind).toBe(fits ? 'new' : 'window');
            unanswered.add(seq);
            if (fits) model.set(seq, { bytes: command.bytes, state: 'pending' });
            else model.set(seq, { bytes: 0, state: 'told', outcome: 'publish-window' });
          } else if (command.op === 'settle') {
            const pending = [...model].filter(([, { state }]) => state === 'pending');
            const one = pending[command.at % Math.max(1, pending.length)];
            if (!one) continue;
            const outcome = command.at % 3 === 0 ? 'unavailable' : taken(one[0]);
            window.settle(one[0], outcome);
            model.set(one[0], { ...one[1], state: 'settled', outcome });
          } else if (command.op === 'told') {
            window.told();
            for (const m of model.values()) if (m.state === 'settled') m.state = 'told';
            unanswered = new Set([...unanswered].filter((n) => model.get(n)!.state === 'pending'));
          } else {
            const list = [...unanswered];
            const again = list[command.back % Math.max(1, list.length)];
            if (again === undefined) continue;
            const { state, outcome } = model.get(again)!;
            expect(window.admit(again, 1)).toEqual(
              state === 'pending' ? { kind: 'pending' } : { kind: 'answered', outcome },
            );
          }
          expect(window.highWater).toBe(seq);
        }
      }),
    );
  });

  it('remembers an outcome that came late for as long as its client may not have heard of it', () => {
    const messages = 2;
    const window = new PublishWindow({ messages, bytes: 100 });
    const others = (from: number, to: number): void => {
      for (let seq = from; seq <= to; seq++) {
        expect(window.admit(seq, 1).kind).toBe('new');
        window.settle(seq, taken(seq));
        window.told();
      }
    };
    // It waits for the disk, and the others for nothing.
    window.admit(1, 1);
    others(2, 40);
    window.settle(1, taken(1));
    window.told();
    others(41, 40 + messages);
    expect(window.admit(1, 1)).toEqual({ kind: 'answered', outcome: taken(1) });
    others(41 + messages, 41 + messages);
    expect(window.admit(1, 1).kind).toBe('sequence');
    // Also one that has not left the ring when it is settled, and does then.
    window.admit(44, 1);
    others(45, 47);
    window.settle(44, taken(44));
    window.told();
    others(48, 49);
    expect(window.admit(44, 1)).toEqual({ kind: 'answered', outcome: taken(44) });
  });

  it('forgets old outcomes', () => {
    const window = new PublishWindow({ messages: 4, bytes: 100 });
    for (let seq = 1; seq <= 1_000; seq++) {
      window.admit(seq, 1);
      window.settle(seq, taken(seq));
      window.told();
    }
    expect(window.admit(1, 1).kind).toBe('sequence');
    expect(window.admit(997, 1).kind).toBe('answered');
    expect((window as unknown as { ring: unknown[] }).ring.length).toBeLessThanOrEqual(16);
  });

  it('settles what is still pending when a client has sent on and on, and holds no more for that', () => {
    const window = new PublishWindow({ messages: 4, bytes: 100 });
    window.admit(1, 7);
    for (let seq = 2; seq <= 1_000; seq++) window.admit(seq, 1);
    expect((window as unknown as { ring: unknown[] }).ring.length).toBeLessThanOrEqual(16);
    expect(window.pending).toBe(4);
    expect(window.admit(1, 7).kind).toBe('pending');
    for (const seq of [2, 1, 4, 3]) window.settle(seq, taken(seq));
    expect(() => window.settle(1, taken(1))).toThrow('settled twice');
    expect(window.pending).toBe(0);
    window.told();
    for (let seq = 1_001; seq <= 1_004; seq++) expect(window.admit(seq, 25).kind).toBe('new');
    expect(window.admit(1_005, 1).kind).toBe('window');
  });
});
