/** One subscription as a card: its ring, its figures, its account, and the metric as this handler sees it. */
import type { OverflowPolicy } from '@ringhub/client';
import { count, duration, percent } from '../shared/figures.ts';
import { useRefresh } from '../shared/frame-loop.ts';
import { Chart, type Line } from './chart.tsx';
import type { DashboardModel } from './dashboard-model.ts';
import type { Lane } from './lane.ts';

const WINDOW_S = 30;
const REFRESH_MS = 200;

interface LaneCardProps {
  readonly model: DashboardModel;
  readonly lane: Lane;
  readonly title: string;
  readonly subtitle: string;
}

export function LaneCard({ model, lane, title, subtitle }: LaneCardProps) {
  useRefresh(REFRESH_MS);
  const titleId = `${lane.name}-title`;
  const line: Line = {
    column: 'busy',
    label: 'all cores',
    color: `--${lane.name}`,
    isFilled: true,
    width: 2,
  };
  const busy = lane.chart.latest('busy');
  return (
    <article class={`panel lane-card ${lane.name}`} aria-labelledby={titleId} data-lane={lane.name}>
      <header>
        <h3 id={titleId}>{title}</h3>
        <p class="muted">{subtitle}</p>
      </header>
      <Ring model={model} lane={lane} />
      <Figures lane={lane} />
      <Account model={model} lane={lane} />
      <figure class="lane-chart">
        <figcaption class="muted">
          Processors as this handler sees them {busy !== null && <b>{percent(busy)}</b>}
        </figcaption>
        <Chart
          history={() => lane.chart}
          lines={[line]}
          windowS={WINDOW_S}
          now={() => model.hubNow()}
          top={100}
          format={wholePercent}
          showPoints
        />
      </figure>
    </article>
  );
}

function Ring({ model, lane }: { readonly model: DashboardModel; readonly lane: Lane }) {
  const capacity = lane.granted?.capacity ?? lane.settings.capacity;
  const { waiting, inRing } = model.fill(lane);
  const beyond = waiting - inRing;
  const beyondText: Partial<Record<OverflowPolicy, string>> = {
    'catch-up': `${count(beyond)} more wait in the log`,
    conflate: `${count(beyond)} already replaced`,
  };
  const isLoss = beyondText[lane.settings.overflow] === undefined;
  return (
    <div class="ring">
      <div class="ring-text">
        <span>
          Ring: <b data-figure="waiting">{count(inRing)}</b> of {count(capacity)} waiting
        </span>
        <span class={isLoss ? 'is-lost' : 'muted'}>
          {beyond > 0 &&
            (beyondText[lane.settings.overflow] ?? `${count(beyond)} lost, to be told in their place`)}
        </span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a meter element cannot be styled alike in all browsers */}
      <div
        class={`meter ${inRing >= capacity * 0.9 ? 'is-full' : ''}`}
        role="meter"
        aria-label="Messages waiting in the ring"
        aria-valuemin={0}
        aria-valuemax={capacity}
        aria-valuenow={inRing}
      >
        <i style={{ width: `${(inRing * 100) / capacity}%` }} />
      </div>
    </div>
  );
}

function Figures({ lane }: { readonly lane: Lane }) {
  const { account } = lane;
  const figure = (name: string, label: string, value: string, className = '') => (
    <div class={`figure ${className}`}>
      <dt>{label}</dt>
      <dd data-figure={name}>{value}</dd>
    </div>
  );
  return (
    <dl class="figures">
      {figure('rate', 'handled /s', count(lane.handledPerSecond(performance.now())))}
      {figure('age', 'age of last', duration(Math.max(0, lane.lastAgeMs)))}
      {figure('gaps', 'gaps told', count(account.gaps), account.gaps > 0 ? 'is-lost' : '')}
      {figure('replaced', 'replaced', count(account.replaced), account.replaced > 0 ? 'is-replaced' : '')}
    </dl>
  );
}

/** The feeder numbered its messages: this is counted here, not taken from the hub. */
function Account({ model, lane }: { readonly model: DashboardModel; readonly lane: Lane }) {
  const { account } = lane;
  const isSameRun = account.run === model.run;
  const waiting = isSameRun ? account.waiting(model.head) : 0;
  const holds = waiting >= 0;
  return (
    <p class="account" data-waiting={waiting} title="Counted from the numbers the feeder gave its messages">
      <b data-figure="published">{count(isSameRun ? account.published(model.head) : account.published(0))}</b>{' '}
      published = <b data-figure="handled">{count(account.handled)}</b> handled +{' '}
      <b data-figure="lost" class={account.lost > 0 ? 'is-lost' : ''}>
        {count(account.lost)}
      </b>{' '}
      told as lost + <b class={account.replaced > 0 ? 'is-replaced' : ''}>{count(account.replaced)}</b>{' '}
      replaced + <b>{count(Math.max(0, waiting))}</b> waiting{' '}
      <span class={holds ? 'holds' : 'broken'}>{holds ? '✓' : `✗ ${count(waiting)}`}</span>
    </p>
  );
}

const wholePercent = (value: number): string => `${Math.round(value)} %`;
