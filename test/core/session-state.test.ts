/** The session machine, cell by cell, beside the table of PROTOCOL §3. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  SESSION_TRANSITIONS,
  type SessionEvent,
  type SessionState,
} from '../../server/src/core/session-state.ts';

const TABLE: Record<SessionState, Record<SessionEvent, string>> = {
  attached: {
    resume: 'attached: close-taken-over, attach',
    'resume-unproven': 'attached: close-superseded, attach',
    'connection-lost': 'parked: park',
    'unheard-lost': 'closed: end-closed',
    'window-over': 'attached: ',
    bye: 'closed: close-bye, end-closed',
    evict: 'closed: close-evicted, end-evicted',
    'slow-consumer': 'parked: close-slow-consumer, park',
    'token-expired': 'parked: close-token-expired, park',
    drain: 'parked: close-draining, park',
    revoke: 'closed: close-revoked, end-revoked',
  },
  parked: {
    resume: 'attached: attach',
    'resume-unproven': 'attached: attach',
    'connection-lost': 'parked: ',
    'unheard-lost': 'parked: ',
    'window-over': 'closed: end-resume-expired',
    bye: 'closed: end-closed',
    evict: 'closed: end-evicted',
    'slow-consumer': 'parked: ',
    'token-expired': 'parked: ',
    drain: 'parked: ',
    revoke: 'closed: end-revoked',
  },
  closed: {
    resume: 'closed: ',
    'resume-unproven': 'closed: ',
    'connection-lost': 'closed: ',
    'unheard-lost': 'closed: ',
    'window-over': 'closed: ',
    bye: 'closed: ',
    evict: 'closed: ',
    'slow-consumer': 'closed: ',
    'token-expired': 'closed: ',
    drain: 'closed: ',
    revoke: 'closed: ',
  },
};

const CELLS = Object.entries(TABLE).flatMap(([state, row]) =>
  Object.entries(row).map(([event, cell]) => [state as SessionState, event as SessionEvent, cell] as const),
);

describe('the session machine', () => {
  it.each(CELLS)('%s, %s → %s', (state, event, cell) => {
    const { to, effects } = SESSION_TRANSITIONS[state][event];
    expect(`${to}: ${effects.join(', ')}`).toBe(cell);
  });

  it('has no cell beyond these', () => {
    const cells = Object.entries(SESSION_TRANSITIONS).flatMap(([state, row]) =>
      Object.keys(row).map((event) => `${state} ${event}`),
    );
    expect(cells).toEqual(CELLS.map(([state, event]) => `${state} ${event}`));
  });

  it('ends a session once, and always settles what it holds', () => {
    for (const [state, row] of Object.entries(SESSION_TRANSITIONS)) {
      for (const { to, effects } of Object.values(row)) {
        const ends = effects.filter((effect) => effect.startsWith('end-')).length;
        expect(ends).toBe(state !== 'closed' && to === 'closed' ? 1 : 0);
        if (state === 'attached' && to !== 'attached') expect(effects).not.toContain('attach');
      }
    }
  });

  it('agrees with the table of the protocol', () => {
    const page = readFileSync(new URL('../../protocol/PROTOCOL.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('## §3 '), page.indexOf('## §4 '));
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.includes('---'));
    const [head, ...body] = rows.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    const events: Record<string, SessionEvent> = {
      resume: 'resume',
      'resume with an older token': 'resume-unproven',
      'connection lost': 'connection-lost',
      'token expired': 'token-expired',
      'window over': 'window-over',
      bye: 'bye',
      evicted: 'evict',
      revoked: 'revoke',
    };
    expect(head?.slice(1)).toEqual(Object.keys(events));
    expect(body.map(([state]) => state)).toEqual(Object.keys(TABLE));
    for (const [state, ...cells] of body) {
      for (const [i, cell] of cells.entries()) {
        const { to, effects } = SESSION_TRANSITIONS[state as SessionState][Object.values(events)[i]!];
        // What the protocol says cannot happen is the hub's own affair.
        if (cell === '–') continue;
        // "new session" is a matter of the hello: the closed one stays closed.
        const expected = cell === 'new session' ? state : cell.split(',')[0]!.split(' ')[0];
        expect([state, cell, to]).toEqual([state, cell, expected]);
        if (cell.includes('`taken-over`')) expect(effects).toContain('close-taken-over');
        if (cell.includes('`superseded`')) expect(effects).toContain('close-superseded');
        if (cell.includes('`token-expired`')) expect(effects).toContain('close-token-expired');
        if (cell.includes('`session-evicted`')) expect(effects).toContain('close-evicted');
      }
    }
  });
});
