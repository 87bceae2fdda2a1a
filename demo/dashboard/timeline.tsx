/** The timeline of both lanes, and below it the same in words. */
import { useEffect, useRef } from 'preact/hooks';
import { onFrame, useRefresh } from '../shared/frame-loop.ts';
import type { DashboardModel, LogEntry } from './dashboard-model.ts';
import { TimelineTrack } from './timeline-track.ts';

const WIDE_PX_PER_S = 44;
const NARROW_PX_PER_S = 38;

export function Timeline({ model }: { readonly model: DashboardModel }) {
  const frame = useRef<HTMLDivElement>(null);
  const link = useRef<HTMLDivElement>(null);
  const normal = useRef<HTMLDivElement>(null);
  const throttled = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const pxPerSecond = frame.current!.clientWidth < 700 ? NARROW_PX_PER_S : WIDE_PX_PER_S;
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const lanes = { normal: normal.current!, throttled: throttled.current! };
    const track = new TimelineTrack(link.current!, lanes, pxPerSecond, isStill);
    const resized = new ResizeObserver(() => track.resize(frame.current!.clientWidth));
    resized.observe(frame.current!);
    model.timeline = track;
    const stop = onFrame(0, (nowMs) => track.draw(nowMs));
    return () => {
      stop();
      resized.disconnect();
      model.timeline = undefined;
    };
  }, [model]);

  return (
    <section class="panel timeline" aria-labelledby="timeline-title">
      <header>
        <h3 id="timeline-title">What each handler was told, as it was told</h3>
        <ul class="legend">
          <li>
            <i class="swatch normal" aria-hidden="true" />
            handled
          </li>
          <li>
            <i class="swatch gap" aria-hidden="true" />
            gap: count, reason, offsets
          </li>
          <li>
            <i class="swatch replaced" aria-hidden="true" />⇄ replaced
          </li>
          <li>
            <i class="swatch offline" aria-hidden="true" />
            offline
          </li>
        </ul>
      </header>
      <div class="strip" ref={frame} aria-hidden="true">
        <div class="strip-row link">
          <div class="track" ref={link} />
        </div>
        <div class="strip-row lane normal">
          <span class="lane-name">normal</span>
          <div class="track" ref={normal} />
          <span class="now">now</span>
        </div>
        <div class="strip-row lane throttled">
          <span class="lane-name">throttled</span>
          <div class="track" ref={throttled} />
        </div>
      </div>
      <EventLog model={model} />
    </section>
  );
}

function EventLog({ model }: { readonly model: DashboardModel }) {
  useRefresh(300);
  return (
    <details class="log" open>
      <summary>In words, the newest first</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <ol tabIndex={0} aria-label="Events, the newest first">
        {model.log.length === 0 && <li class="muted">Nothing yet: no gap, no cut, no change.</li>}
        {model.log.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ol>
    </details>
  );
}

const Entry = ({ entry }: { readonly entry: LogEntry }) => (
  <li class={entry.kind}>
    <time>{entry.time}</time> <span class={`where ${entry.where}`}>{entry.where}</span> {entry.text}
    {entry.detail && <span class="detail"> {entry.detail}</span>}
  </li>
);
