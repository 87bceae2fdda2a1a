/** Lines over two logarithmic axes: what grows in proportion is straight, what stays the same is level. Pure. */
import { colorOf, escaped, picture, shown, WIDTH } from './svg.ts';

export interface CurveSeries {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const HEIGHT = 400;
const LEFT = 64;
const RIGHT = 160;
const TOP = 56;
const BOTTOM = 46;
const LABEL_HEIGHT = 15;

export function curveChart(
  title: string,
  xTitle: string,
  yTitle: string,
  series: readonly CurveSeries[],
): string {
  // A logarithm has no place for nothing.
  const drawn = series.map(({ name, points }) => ({
    name,
    points: points.filter(([x, y]) => x > 0 && y > 0),
  }));
  const xs = [...new Set(drawn.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const decades = decadesOf(drawn.flatMap(({ points }) => points.map(([, y]) => y)));
  const x = scale(xs[0] ?? 1, xs.at(-1) ?? 10, LEFT, WIDTH - RIGHT);
  const y = scale(decades[0]!, decades.at(-1)!, HEIGHT - BOTTOM, TOP);
  const parts = [
    `<text x="8" y="40" class="soft">${escaped(yTitle)}</text>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle" class="soft">${escaped(xTitle)}</text>`,
    ...decades.flatMap((at) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(at)}" y2="${y(at)}" class="grid"/>`,
      `<text x="${LEFT - 8}" y="${y(at)}" dy="4" text-anchor="end" class="soft">${shown(at)}</text>`,
    ]),
    ...xs.map(
      (at) =>
        `<text x="${x(at)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" class="soft">${shown(at)}</text>`,
    ),
  ];
  const heights = apart(drawn.map(({ points }) => Number(y(points.at(-1)?.[1] ?? decades[0]!))));
  drawn.forEach(({ name, points }, i) => {
    if (points.length === 0) return;
    const color = colorOf(i);
    const line = points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
    parts.push(
      `<polyline points="${line}" class="line l${color}"/>`,
      ...points.map(([px, py]) => `<circle cx="${x(px)}" cy="${y(py)}" r="3" class="c${color}"/>`),
      `<text x="${WIDTH - RIGHT + 10}" y="${heights[i]!.toFixed(1)}" dy="4" style="font-weight:600" class="c${color}">${escaped(name)}</text>`,
    );
  });
  return picture(title, HEIGHT, parts);
}

function scale(from: number, to: number, start: number, end: number): (value: number) => string {
  const span = Math.log(to / from) || 1;
  return (value) => (start + (Math.log(value / from) / span) * (end - start)).toFixed(1);
}

/** Powers of ten that take all values in. */
function decadesOf(values: readonly number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values, 1)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values, 1))));
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

/** Moves labels down where they would lie upon each other. */
function apart(heights: readonly number[]): number[] {
  const placed = [...heights];
  const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  for (let n = 1; n < order.length; n++) {
    const above = placed[order[n - 1]!]!;
    placed[order[n]!] = Math.max(placed[order[n]!]!, above + LABEL_HEIGHT);
  }
  return placed;
}
