/** Named queues: the four numbers of all together, and of the busiest ones each with what waits in it. */
import { count, duration, percent, rate } from '../shared/figures.ts';
import { useRefresh } from '../shared/frame-loop.ts';
import type { QueueFigures, QueueMetric } from '../shared/metrics.ts';
import type { DashboardModel } from './dashboard-model.ts';
import { Sparkline } from './sparkline.tsx';

const REFRESH_MS = 500;

export function QueuePanel({ model }: { readonly model: DashboardModel }) {
  useRefresh(REFRESH_MS);
  const { queues } = model;
  return (
    <section class="panel queues" aria-labelledby="queues-title">
      <h3 id="queues-title">
        Named queues{' '}
        <small>
          {queues && queues.count > 0
            ? `${count(queues.count)}, shared by competing consumers`
            : 'none yet: the orders demo has some'}
        </small>
      </h3>
      <dl class="figures">
        {MEASURES.map(({ label, note, of }) => (
          <div class="figure" key={label}>
            <dt>
              {label} <small>{note}</small>
            </dt>
            <dd>{queues ? of(queues.figures) : '–'}</dd>
          </div>
        ))}
      </dl>
      {queues && queues.list.length > 0 && <QueueTable model={model} list={queues.list} />}
      <p class="hint">
        <b>What you should see:</b> the messages of a killed worker become ready again and go to another one:
        late, and none lost.
      </p>
    </section>
  );
}

const maybe = (value: number | null, text: (value: number) => string): string =>
  value === null ? '–' : text(value);

/** The four numbers, with what each is the mean or share of. */
const MEASURES: readonly {
  readonly label: string;
  readonly note: string;
  readonly of: (figures: QueueFigures) => string;
}[] = [
  {
    label: 'response time',
    note: 'mean wait in the queue',
    of: ({ responseTimeMs }) => maybe(responseTimeMs, duration),
  },
  {
    label: 'throughput',
    note: 'processed, last ten seconds',
    of: ({ throughputPerSec }) => `${rate(throughputPerSec)}/s`,
  },
  {
    label: 'loss',
    note: 'lost of all there were',
    of: ({ lossRate }) => maybe(lossRate, (lost) => percent(lost * 100)),
  },
  {
    label: 'delay',
    note: 'mean from arrival to ack, less the wait',
    of: ({ delayMs }) => maybe(delayMs, duration),
  },
];

const HOLDS: readonly { readonly label: string; readonly of: (queue: QueueMetric) => number }[] = [
  { label: 'ready', of: ({ ready }) => ready },
  { label: 'in flight', of: ({ inflight }) => inflight },
  { label: 'delayed', of: ({ delayed }) => delayed },
  { label: 'consumers', of: ({ consumers }) => consumers },
];

function QueueTable({
  model,
  list,
}: {
  readonly model: DashboardModel;
  readonly list: readonly QueueMetric[];
}) {
  const heads = [...HOLDS, ...MEASURES].map(({ label }) => label);
  return (
    <div class="scrolls">
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="trend">
              waiting
            </th>
            {heads.map((head) => (
              <th scope="col" class="number" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.map((queue) => (
            <tr key={queue.name}>
              <th scope="row" title={queue.name}>
                {queue.name}
              </th>
              <td class="trend">
                <Sparkline values={model.waitingIn(queue.name)} label={`messages waiting in ${queue.name}`} />
              </td>
              {HOLDS.map(({ label, of }) => (
                <td class="number" key={label} data-cell={label}>
                  {count(of(queue))}
                </td>
              ))}
              {MEASURES.map(({ label, of }) => (
                <td class="number" key={label} data-cell={label}>
                  {of(queue.figures)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
