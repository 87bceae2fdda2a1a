/** Time series as an SVG: one panel under the other, each with its own scale, all over the same time. Pure. */

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
}

const WIDTH = 900;
const PANEL_HEIGHT = 150;
const LEFT = 64;
const RIGHT = 16;
const TOP = 28;
const BOTTOM = 22;
const GAP = 10;
const TICKS = 4;

const STYLE =
  'text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:12px}.grid{stroke:#ddd}.line{fill:none;stroke-width:1.5}';

export function plot(title: string, panels: readonly Panel[]): string {
  const seconds = Math.max(
    1,
    ...panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(([x]) => x))),
  );
  const head = 34;
  const height = head + panels.length * (PANEL_HEIGHT + GAP);
  const drawn = panels.map((panel, i) => panelOf(panel, head + i * (PANEL_HEIGHT + GAP), seconds));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="21" class="title">${escaped(title)}</text>`,
    ...drawn,
    '</svg>',
  ].join('\n')}\n`;
}

function panelOf({ title, series }: Panel, top: number, seconds: number): string {
  const highest = Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value)));
  const scale = roundUp(highest);
  const bottom = top + PANEL_HEIGHT - BOTTOM;
  const plotHeight = PANEL_HEIGHT - TOP - BOTTOM;
  const x = (at: number) => (LEFT + (at / seconds) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number) => (bottom - (value / scale) * plotHeight).toFixed(1);
  const lines: string[] = [`<text x="${LEFT}" y="${top + 16}" class="title">${escaped(title)}</text>`];
  for (let i = 0; i <= TICKS; i++) {
    const value = (scale * i) / TICKS;
    lines.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" class="grid"/>`,
      `<text x="${LEFT - 6}" y="${y(value)}" dy="4" text-anchor="end">${shown(value)}</text>`,
    );
  }
  for (const at of timesOf(seconds))
    lines.push(
      `<text x="${x(at)}" y="${bottom + 15}" text-anchor="middle">${shown(at / 60)}${at === 0 ? ' min' : ''}</text>`,
    );
  let legend = WIDTH - RIGHT;
  for (const { name, color, points } of [...series].reverse()) {
    const line = points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ');
    lines.push(
      `<polyline points="${line}" class="line" stroke="${color}"/>`,
      `<text x="${legend}" y="${top + 16}" text-anchor="end" style="fill:${color}">${escaped(name)}</text>`,
    );
    legend -= name.length * 6.5 + 16;
  }
  return lines.join('\n');
}

/** The next of 1, 2, 2.5, 4, 5, 8 × 10ⁿ: its quarters are short numbers. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 4, 5, 8].find((step) => step * power >= value) ?? 10);
}

function timesOf(seconds: number): number[] {
  const step = [15, 30, 60, 120, 300, 600, 1_800, 3_600].find((step) => seconds / step <= 12) ?? 7_200;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
}

const shown = (value: number): string => String(Number(value.toPrecision(4)));

const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.codePointAt(0)};`);
