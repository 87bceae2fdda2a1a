import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type First, Outbox, type Outgoing } from '../../client-sdk/src/outbox.ts';

interface Note extends Outgoing {
  readonly name: number;
  /** As it was told when its session was lost. */
  told?: First;
}

const WINDOW = { messages: 3, bytes: 50 };
const BOUNDS = { messages: 8, bytes: 200 };

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('push' as const),
      bytes: fc.integer({ min: 1, max: 60 }),
      hasId: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('take' as const) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('settle' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('abandon' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('resume' as const), lost: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), recognised: fc.boolean() }) },
);

describe('the outbox', () => {
  it('keeps numbers, bounds and promises, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const outbox = new Outbox<Note>(BOUNDS);
        /** What the hub has seen of this session, by number. */
        let seen = new Map<number, number>();
        let onWire = new Map<number, Note>();
        const open = new Map<
          number,
          { note: Note; wasSent: boolean; numbered: boolean; abandoned: boolean }
        >();
        /** The session and the number that each was first sent under. */
        const firsts = new Map<number, First>();
        let session = 's0';
        let names = 0;

        for (const step of actions) {
          switch (step.type) {
            case 'push': {
              const name = ++names;
              const note: Note = {
                name,
                resend: (first) => {
                  note.told = first;
                },
                frameBytes: step.bytes,
                payloadBytes: step.bytes,
                hasId: step.hasId,
                seq: 0,
              };
              const bytes = [...open.values()].reduce((sum, e) => sum + e.note.frameBytes, 0);
              const fits = open.size < BOUNDS.messages && bytes + step.bytes <= BOUNDS.bytes;
              expect(outbox.push(note)).toBe(fits);
              if (fits) open.set(name, { note, wasSent: false, numbered: false, abandoned: false });
              break;
            }
            case 'take': {
              const taken = outbox.take(WINDOW);
              if (!taken) break;
              const { seq, name } = taken;
              // The hub's own check: a number it knows means the same publish, a new one is the next.
              if (seen.has(seq)) expect(seen.get(seq)).toBe(name);
              else expect(seq).toBe(seen.size + 1);
              seen.set(seq, name);
              const entry = open.get(name)!;
              entry.wasSent = true;
              entry.numbered = true;
              if (!firsts.has(name)) firsts.set(name, [session, seq]);
              onWire.set(seq, entry.note);
              const bytes = [...onWire.values()].reduce((sum, note) => sum + note.payloadBytes, 0);
              expect(onWire.size).toBeLessThanOrEqual(WINDOW.messages);
              if (onWire.size > 1) expect(bytes).toBeLessThanOrEqual(WINDOW.bytes);
              break;
            }
            case 'settle': {
              const seqs = [...onWire.keys()];
              const seq = seqs[step.pick % Math.max(1, seqs.length)];
              if (seq === undefined) break;
              const { name } = onWire.get(seq)!;
              expect(outbox.settle(seq)?.name).toBe(name);
              onWire.delete(seq);
              open.delete(name);
              break;
            }
            case 'abandon': {
              const entries = [...open.values()].filter((e) => !e.abandoned);
              const entry = entries[step.pick % Math.max(1, entries.length)];
              if (!entry) break;
              expect(outbox.abandon(entry.note)).toBe(!entry.wasSent);
              entry.abandoned = true;
              if (!entry.numbered) open.delete(entry.note.name);
              break;
            }
            case 'resume': {
              // The last few never reached the hub; before one that it has answered all did.
              const answered = [...seen.keys()].filter((seq) => !onWire.has(seq));
              const reached = Math.max(seen.size - step.lost, ...answered);
              for (const seq of seen.keys()) if (seq > reached) seen.delete(seq);
              onWire = new Map();
              outbox.resume();
              break;
            }
            case 'restart': {
              outbox.restart(0, step.recognised, session);
              session = `s${Number(session.slice(1)) + 1}`;
              for (const [name, e] of open) {
                e.numbered = false;
                if (e.wasSent && e.abandoned) open.delete(name);
                else if (e.wasSent && !(step.recognised && e.note.hasId))
                  expect(e.note.told).toEqual(firsts.get(name));
                else if (!e.wasSent) expect(e.note.told).toBeUndefined();
              }
              seen = new Map();
              onWire = new Map();
              break;
            }
            default:
              step satisfies never;
          }
          expect(outbox.length).toBe(open.size);
        }
        const { unsent, sent } = outbox.close();
        const left = [...open.values()];
        expect(unsent.map((e) => e.name)).toEqual(left.filter((e) => !e.wasSent).map((e) => e.note.name));
        expect(new Set(sent.map((e) => e.name))).toEqual(
          new Set(left.filter((e) => e.wasSent).map((e) => e.note.name)),
        );
      }),
      { numRuns: 500 },
    );
  });
});
