/** The page: what it is, the host live, two subscribers side by side, the hub's own account. */
import { duration } from '../shared/figures.ts';
import { useRefresh } from '../shared/frame-loop.ts';
import { Mark } from '../shared/mark.tsx';
import { Controls } from './controls.tsx';
import type { DashboardModel } from './dashboard-model.ts';
import { HostCharts } from './host-charts.tsx';
import { LedgerPanel, ProcessPanel, RatesPanel } from './hub-panels.tsx';
import { LaneCard } from './lane-card.tsx';
import { QueuePanel } from './queue-panel.tsx';
import { Timeline } from './timeline.tsx';

export function Dashboard({ model }: { readonly model: DashboardModel }) {
  return (
    <>
      <Header model={model} />
      <main>
        <HostCharts model={model} />
        <section class="heart" aria-labelledby="heart-title">
          <div class="intro">
            <h2 id="heart-title">Two subscribers, one stream</h2>
            <p>
              Both read all metrics above over one connection. <b class="normal">Normal</b> takes them as they
              come. <b class="throttled">Throttled</b> is as slow as you make it: what it cannot take yet
              waits in a bounded ring on the hub, and when that ring is full, its overflow policy decides.{' '}
              <b>You get every message, or you are told exactly which ones you missed and why.</b>
            </p>
          </div>
          <div class="stage">
            <LaneCard
              model={model}
              lane={model.lanes.normal}
              title="Normal"
              subtitle="takes every message as it comes; draws the charts of this page"
            />
            <LaneCard
              model={model}
              lane={model.lanes.throttled}
              title="Throttled"
              subtitle="the same messages through a handler that you slow down"
            />
            <Controls model={model} lane={model.lanes.throttled} />
            <Timeline model={model} />
          </div>
        </section>
        <section class="bottom" aria-labelledby="hub-title">
          <h2 class="sr-only" id="hub-title">
            The hub itself
          </h2>
          <LedgerPanel model={model} />
          <QueuePanel model={model} />
          <RatesPanel model={model} />
          <ProcessPanel model={model} />
        </section>
      </main>
    </>
  );
}

function Header({ model }: { readonly model: DashboardModel }) {
  useRefresh(200);
  const { state, outage, problem, info } = model;
  const offline = outage ? ` for ${duration(performance.now() - outage.fromMs)}` : '';
  const text = {
    connecting: `connecting${offline}`,
    waiting: `offline${offline}`,
    online: 'online',
    draining: 'the hub is restarting',
    closed: 'closed',
  }[state];
  return (
    <header class="top">
      <h1>
        <Mark /> Ringhub <small>live dashboard</small>
      </h1>
      <p class="host muted">
        {info &&
          `${info.name} · ${info.cores} cores · load ${info.load.map((load) => load.toFixed(2)).join(' ')}`}
      </p>
      <p class={`link-state ${state}`} data-state={state}>
        <i aria-hidden="true" /> {text}
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class="sr-only" aria-live="polite">
        {model.announcement}
      </p>
    </header>
  );
}
