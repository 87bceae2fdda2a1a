/** What all plots of the report have in common: they are readable on a light page and on a dark one. Pure. */

export const WIDTH = 760;

/** Colors on light and on dark ground, told apart also by who cannot tell red from green. */
const COLORS: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#56b4e9'],
  ['#d55e00', '#ff9d4d'],
  ['#00795a', '#2fd6a4'],
  ['#a8478a', '#e79bcb'],
  ['#8a6d00', '#f0d648'],
  ['#5b4bb5', '#a99cf5'],
  ['#a11d33', '#ff7d8f'],
  ['#557a1f', '#a5d65c'],
];

const style = (ink: string, soft: string, grid: string, plain: string, dark: 0 | 1): string =>
  [
    `text{fill:${ink}}.soft{fill:${soft}}.grid{stroke:${grid}}.plain{fill:${plain}}`,
    ...COLORS.map((both, i) => `.c${i}{fill:${both[dark]}}.l${i}{stroke:${both[dark]}}`),
  ].join('');

const STYLE = `text{font:12px system-ui,sans-serif}.title{font-weight:600;font-size:14px}.line{fill:none;stroke-width:2}
${style('#1f2328', '#59636e', '#d1d9e0', '#8b949e', 0)}
@media(prefers-color-scheme:dark){${style('#e6edf3', '#9198a1', '#3d444d', '#848d97', 1)}}`;

export const colorOf = (index: number): number => index % COLORS.length;

/** A picture of its own, without a ground: that of the page shows. */
export function picture(title: string, height: number, parts: readonly string[]): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<text x="8" y="20" class="title">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => `&#${char.codePointAt(0)};`);

/** A number as people read it: thousands apart, three digits that count. */
export function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
