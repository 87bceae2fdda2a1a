/** One bar a system, longest is most, with its value beside it. Pure. */
import { escaped, picture, shown, WIDTH } from './svg.ts';

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Stands beside the value. */
  readonly note?: string;
  readonly kind: 'ours' | 'limit' | 'peer';
}

const NAMES = 150;
const VALUES = 190;
const TOP = 50;
const ROW = 26;
const BAR = 18;
const CLASS = { ours: 'c0', limit: 'plain', peer: 'c1' } as const;

export function barChart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const most = Math.max(0, ...bars.map(({ value }) => value)) || 1;
  const parts = bars.flatMap(({ name, value, note, kind }, i) => {
    const y = TOP + i * ROW;
    const width = Math.max(1, (Math.max(0, value) / most) * (WIDTH - NAMES - VALUES));
    const label = note ? `${shown(value)}  (${note})` : shown(value);
    return [
      `<text x="${NAMES - 8}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${NAMES}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" class="${CLASS[kind]}"/>`,
      `<text x="${(NAMES + width + 8).toFixed(1)}" y="${y + 13}" class="soft">${escaped(label)}</text>`,
    ];
  });
  const sub = `<text x="8" y="38" class="soft">${escaped(subtitle)}</text>`;
  return picture(title, TOP + bars.length * ROW + 8, [sub, ...parts]);
}
