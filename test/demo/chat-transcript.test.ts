import { describe, expect, it } from 'vitest';
import { type Entry, HISTORY_LINES, Transcript } from '../../demo/chat/transcript.ts';

const line = (text: string, isOwn = false) => ({
  id: text,
  room: 'lobby',
  from: isOwn ? 'Me' : 'Ada',
  text,
  timeMs: 0,
  isOwn,
});
const gap = (count: number | null) => ({ kind: 'gap', count, reason: 'overflow', ranges: [] }) as const;

const inShort = (entry: Entry): string =>
  entry.kind === 'line' ? `${entry.when} ${entry.line.text}` : entry.kind;

/** A transcript whose history has ended. */
function live(): Transcript {
  const transcript = new Transcript();
  transcript.historyEnds();
  return transcript;
}

describe('the transcript of a chat window', () => {
  it('keeps lines back until the history ends, and shows the last of them', () => {
    const transcript = new Transcript();
    for (let n = 1; n <= HISTORY_LINES + 3; n++) transcript.line(line(`${n}`));
    expect(transcript.entries).toEqual([]);
    transcript.historyEnds();
    transcript.line(line('now'));
    const shown = transcript.entries.map(inShort);
    expect(shown).toHaveLength(HISTORY_LINES + 2);
    expect(shown[0]).toBe('history 4');
    expect(shown.slice(-3)).toEqual([`history ${HISTORY_LINES + 3}`, 'history', 'live now']);
  });

  it('begins with nothing where nothing was said', () => {
    expect(live().entries).toEqual([]);
  });

  it('marks what was missed, and sums it up once caught up', () => {
    const transcript = live();
    transcript.offline(1_000);
    // The connection fails again before it stands.
    transcript.offline(2_000);
    transcript.online(4_000);
    transcript.line(line('missed'));
    transcript.gap(gap(2));
    transcript.gap(gap(3));
    transcript.line(line('mine', true));
    transcript.caughtUp(9_000, true);
    transcript.line(line('later'));
    expect(transcript.entries.map(inShort)).toEqual([
      'offline',
      'missed missed',
      'gap',
      'gap',
      'live mine',
      'back',
      'live later',
    ]);
    expect(transcript.entries[5]).toMatchObject({ afterMs: 3_000, caughtUp: 1, lost: 5, isResumed: true });
  });

  it('does not make up a number where nobody knows how many are lost', () => {
    const transcript = live();
    transcript.offline(0);
    transcript.gap(gap(null));
    transcript.gap(gap(3));
    transcript.caughtUp(1, false);
    expect(transcript.entries.at(-1)).toMatchObject({ kind: 'back', lost: null, isResumed: false });
  });

  it('says nothing of being back where nobody was away', () => {
    const transcript = live();
    transcript.caughtUp(1, true);
    expect(transcript.entries).toEqual([]);
  });

  it('is bounded', () => {
    const transcript = live();
    for (let n = 1; n <= 1_000; n++) transcript.line(line(`${n}`));
    expect(transcript.entries).toHaveLength(500);
    expect(transcript.entries.map(inShort).at(-1)).toBe('live 1000');
    expect(new Set(transcript.entries.map(({ n }) => n)).size).toBe(500);
  });
});
