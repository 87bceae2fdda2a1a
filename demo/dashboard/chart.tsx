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
  readonly height: number;
  readonly windowS: number;
  readonly now: () => number;
  /** Upper end of the y axis; where absent, the largest value (at least `minTop`). */
  readonly top?: number;
  readonly minTop?: number;
  readonly format: (value: number) => string;
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

  // biome-ignore lint/correctness/useExhaustiveDependencies: isLight changes the colours that are read
  useEffect(() => {
    const element = place.current!;
    const plot = makePlot(element, props);
    const columns = props.lines.map((line) => line.column);
    const resized = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: props.height }),
    );
    resized.observe(element);
    const stop = onFrame(DRAW_MS, () => plot.setData(props.history().data(columns) as UPlot.AlignedData));
    return () => {
      stop();
      resized.disconnect();
      plot.destroy();
    };
  }, [lineNames, isLight, props.height]);

  // The figures beside the chart say the same in text.
  return <div class="chart" ref={place} aria-hidden="true" />;
}

function makePlot(element: HTMLElement, props: ChartProps): UPlot {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = {
    stroke: color('--muted'),
    font,
    ticks: { show: false },
    grid: { stroke: color('--grid'), width: 1 },
  };
  const series = props.lines.map((line): UPlot.Series => {
    const stroke = color(line.color);
    return {
      stroke,
      width: line.width ?? 1.5,
      points: { show: props.showPoints ?? false, size: 4, stroke, fill: stroke },
      ...(line.isFilled ? { fill: `${stroke}26` } : {}),
    };
  });
  const options: UPlot.Options = {
    width: element.clientWidth,
    height: props.height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 4, 0, 0],
    scales: {
      x: { range: () => [props.now() / 1000 - props.windowS, props.now() / 1000] },
      y: {
        range: (_plot, _min, max) => [0, props.top ?? Math.max(props.minTop ?? 1, (max ?? 0) * 1.15)],
      },
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 60,
        values: (_plot, splits) => splits.map((at) => agoText(props.now() / 1000 - at)),
        splits: () => [0.75, 0.5, 0.25].map((part) => props.now() / 1000 - props.windowS * part),
        grid: { show: false },
      },
      { ...axis, size: 58, space: 34, values: (_plot, splits) => splits.map(props.format) },
    ],
    series: [{}, ...series],
  };
  return new UPlot(options, [[]] as unknown as UPlot.AlignedData, element);
}

const agoText = (seconds: number): string => `−${Math.round(seconds)} s`;
