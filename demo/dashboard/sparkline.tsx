/** A line of recent values without axes, from 0 up to the largest. */
const WIDTH = 96;
const HEIGHT = 22;

export function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const top = Math.max(1, ...values);
  const points = values
    .map((value, i) => {
      const x = (i / Math.max(1, values.length - 1)) * WIDTH;
      const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
      <title>{`${label}: now ${values.at(-1) ?? 0}, at most ${values.length > 0 ? Math.max(...values) : 0}`}</title>
      <polyline points={points} />
    </svg>
  );
}
