/** Numbers as people read them. Figures that change in place keep their width where they can. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const count = (value: number): string => whole.format(value);
export const percent = (value: number): string => `${tenths.format(value)} %`;

export const rate = (value: number): string => (value < 10 ? tenths.format(value) : whole.format(value));

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 1000 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 || scaled >= 100 ? whole.format(scaled) : tenths.format(scaled)} ${BYTE_UNITS[unit]}`;
}

/** Round distances for an axis in bytes: 1, 2, 5, 10 … 500 of each unit. */
export const BYTE_STEPS: readonly number[] = [0, 1, 2, 3, 4].flatMap((power) =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** power),
);

export const bytesPerSecond = (value: number): string => `${bytes(value)}/s`;

export function duration(ms: number): string {
  if (ms < 1000) return `${whole.format(ms)} ms`;
  if (ms < 60_000) return `${tenths.format(ms / 1000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

export const clockTime = (timeMs: number): string => new Date(timeMs).toTimeString().slice(0, 8);
