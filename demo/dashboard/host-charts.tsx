/** The host in four charts: processors, memory, network, disks. Drawn from the normal subscription. */
import { BYTE_STEPS, bytes, bytesPerSecond, percent } from '../shared/figures.ts';
import { useRefresh } from '../shared/frame-loop.ts';
import { Chart, type Line } from './chart.tsx';
import type { DashboardModel } from './dashboard-model.ts';

const WINDOW_S = 45;
const CORE_COLORS = 8;

const MEMORY: Line[] = [
  { column: 'memory.used', label: 'used', color: '--series-1', isFilled: true },
  { column: 'memory.cached', label: 'cached', color: '--series-3' },
];
const NET: Line[] = [
  { column: 'net.received', label: 'received', color: '--series-1', isFilled: true },
  { column: 'net.sent', label: 'sent', color: '--series-2' },
];
const DISK: Line[] = [
  { column: 'disk.read', label: 'read', color: '--series-1' },
  { column: 'disk.written', label: 'written', color: '--series-2', isFilled: true },
];

export function HostCharts({ model }: { readonly model: DashboardModel }) {
  useRefresh(500);
  const cores = model.info?.coresShown ?? 0;
  const cpu: Line[] = [
    ...Array.from({ length: cores }, (_, core) => ({
      column: `cpu.${core}`,
      label: `core ${core}`,
      color: `--series-${(core % CORE_COLORS) + 1}`,
      width: 1,
    })),
    { column: 'cpu.all', label: 'all cores', color: '--strong', isFilled: true, width: 2 },
  ];
  return (
    <section class="charts" aria-labelledby="host-title">
      <h2 class="sr-only" id="host-title">
        The hub’s host, live
      </h2>
      <HostChart
        model={model}
        title="Processors"
        lines={cpu}
        top={100}
        format={percent}
        axis={wholePercent}
      />
      <HostChart
        model={model}
        title="Memory"
        lines={MEMORY}
        {...(model.memory ? { top: model.memory.total, note: `of ${bytes(model.memory.total)}` } : {})}
        format={bytes}
        steps={BYTE_STEPS}
      />
      <HostChart
        model={model}
        title="Network"
        lines={NET}
        minTop={10_000}
        format={bytesPerSecond}
        steps={BYTE_STEPS}
      />
      <HostChart
        model={model}
        title="Disks"
        lines={DISK}
        minTop={10_000}
        format={bytesPerSecond}
        steps={BYTE_STEPS}
      />
    </section>
  );
}

interface HostChartProps {
  readonly model: DashboardModel;
  readonly title: string;
  readonly note?: string;
  readonly lines: readonly Line[];
  readonly top?: number;
  readonly minTop?: number;
  readonly format: (value: number) => string;
  readonly axis?: (value: number) => string;
  readonly steps?: readonly number[];
}

const MAX_LEGEND = 5;

function HostChart({ model, title, note, lines, format, axis, ...scale }: HostChartProps) {
  const known = lines.filter((line) => model.history.latest(line.column) !== null);
  // The line drawn last, on top of the others, comes first where there are many.
  const legend = known.length > 2 ? [known.at(-1)!, ...known.slice(0, -1).slice(0, MAX_LEGEND - 1)] : known;
  return (
    <figure class="panel chart-panel">
      <figcaption>
        <h3>
          {title} {note && <small>{note}</small>}
        </h3>
        <ul class="legend">
          {legend.map((line) => (
            <li key={line.column}>
              <i class={`swatch ${line.color.slice(2)}`} aria-hidden="true" />
              {line.label} <b>{format(model.history.latest(line.column)!)}</b>
            </li>
          ))}
          {model.history.length > 20 && known.length === 0 && <li>not told by this system</li>}
        </ul>
      </figcaption>
      <Chart
        history={() => model.history}
        lines={lines}
        windowS={WINDOW_S}
        now={() => model.hubNow()}
        format={axis ?? format}
        {...scale}
      />
    </figure>
  );
}

const wholePercent = (value: number): string => `${Math.round(value)} %`;
