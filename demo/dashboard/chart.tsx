/**
 * A live line chart: uPlot on a canvas, drawn at most ten times a second with the time axis ending at "now".
 * Colours come from the style sheet, so a change of the colour scheme makes the chart anew.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import { onFrame } from '../shared/frame-loop.ts';
import type { History } from './history.ts';

export interface Line {
  readonly column: string;
  readonly label: string;
  /** Name of a custom property with the colour. */
  readonly color: string;
  readonly isFilled?: boolean;
  readonly width?: number;
}

export interface ChartProps {
  readonly history: () => History;
  readonly lines: readonly Line[];
  readonly windowS: number;
  readonly now: () => number;
  /** Upper end of the y axis; where absent, the largest value (at least `minTop`). */
  readonly top?: number;
  readonly minTop?: number;
  readonly format: (value: number) => string;
  /** Distances that the marks of the y axis may have. */
  readonly steps?: readonly number[];
  readonly showPoints?: boolean;
}

const DRAW_MS = 100;
const lightScheme = () => matchMedia('(prefers-color-scheme: light)');

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [isLight, setLight] = useState(lightScheme().matches);
  const lineNames = props.lines.map((line) => line.column).join();

  useEffect(() => {
    const query = lightScheme();
    const changed = () => setLight(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);

  // The plot outlives a rendering: it asks for what may change by then.
  const latest = useRef(props);
  latest.current = props;

  // Made anew when the lines or the colours change.
  useEffect(() => {
    const element = place.current!;
    const plot = makePlot(element, latest);
    const columns = latest.current.lines.map((line) => line.column);
    const resized = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    resized.observe(element);
    const stop = onFrame(DRAW_MS, () =>
      plot.setData(latest.current.history().data(columns) as UPlot.AlignedData),
    );
    return () => {
      stop();
      resized.disconnect();
      plot.destroy();
    };
  }, [lineNames, isLight]);

  // The figures beside the chart say the same in text.
  return <div class="chart" ref={place} aria-hidden="true" />;
}

const sizeOf = (element: HTMLElement) => ({ width: element.clientWidth, height: element.clientHeight });

const X_MARK_S = 10;

function makePlot(element: HTMLElement, latest: { readonly current: ChartProps }): UPlot {
  const { lines, showPoints, steps, windowS } = latest.current;
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--muted'),
    font: `11px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: color('--grid'), width: 1 },
  };
  const series = lines.map((line): UPlot.Series => {
    const stroke = color(line.color);
    return {
      stroke,
      width: line.width ?? 1.5,
      points: { show: showPoints ?? false, size: 4, stroke, fill: stroke },
      ...(line.isFilled ? { fill: `${stroke}26` } : {}),
    };
  });
  const nowS = () => latest.current.now() / 1000;
  const marks = Array.from(
    { length: Math.ceil(windowS / X_MARK_S) - 1 },
    (_, index) => (index + 1) * X_MARK_S,
  );
  const options: UPlot.Options = {
    ...sizeOf(element),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 4, 0, 0],
    scales: {
      x: { range: () => [nowS() - windowS, nowS()] },
      y: {
        range: (_plot, _min, max) => {
          const { top, minTop = 1 } = latest.current;
          return [0, top ?? Math.max(minTop, (max ?? 0) * 1.15)];
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 22,
        grid: { show: false },
        splits: () => marks.map((ago) => nowS() - ago).reverse(),
        values: () => marks.map((ago) => `−${ago} s`).reverse(),
      },
      {
        ...axis,
        size: 62,
        space: 30,
        values: (_plot, splits) => splits.map(latest.current.format),
        ...(steps ? { incrs: [...steps] } : {}),
      },
    ],
    series: [{}, ...series],
  };
  return new UPlot(options, [[]] as unknown as UPlot.AlignedData, element);
}
