/** The busiest processes, the hub's rates, and its ledger as the equation it promises to keep. */
import { bytes, count, percent, rate } from '../shared/figures.ts';
import { useRefresh } from '../shared/frame-loop.ts';
import type { HubLedger } from '../shared/metrics.ts';
import type { DashboardModel } from './dashboard-model.ts';

const REFRESH_MS = 300;

export function ProcessPanel({ model }: { readonly model: DashboardModel }) {
  useRefresh(1000);
  const top = model.top;
  return (
    <section class="panel" aria-labelledby="processes-title">
      <h3 id="processes-title">Busiest processes {top && <small>of {count(top.total)}</small>}</h3>
      {top ? (
        <table class="processes">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col" class="number">
                pid
              </th>
              <th scope="col" class="number">
                CPU
              </th>
              <th scope="col" class="number">
                Memory
              </th>
            </tr>
          </thead>
          <tbody>
            {top.processes.map((process) => (
              <tr key={process.pid}>
                <td>{process.name}</td>
                <td class="number muted">{process.pid}</td>
                <td class="number">{percent(process.cpu)}</td>
                <td class="number">{bytes(process.memory)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="muted">Not told yet; only Linux tells it.</p>
      )}
    </section>
  );
}

export function RatesPanel({ model }: { readonly model: DashboardModel }) {
  useRefresh(REFRESH_MS);
  const rates = model.rates;
  const figure = (label: string, value: string | undefined, unit = '') => (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        {value ?? '–'} {unit && <small>{unit}</small>}
      </dd>
    </div>
  );
  return (
    <section class="panel" aria-labelledby="rates-title">
      <h3 id="rates-title">This hub</h3>
      <dl class="figures">
        {figure('published', rates && rate(rates.published), '/s')}
        {figure('routed', rates && rate(rates.routed), '/s')}
        {figure('delivered', rates && rate(rates.delivered), '/s')}
        {figure('gaps told', rates && rate(rates.gaps), '/s')}
        {figure(
          'sessions',
          rates && count(rates.sessionsAttached),
          rates && `${rates.sessionsParked} parked`,
        )}
        {figure('queues', rates && count(rates.queues))}
        {figure('resumes', rates && count(rates.resumed))}
        {figure('held in rings', rates && bytes(rates.heldBytes))}
      </dl>
    </section>
  );
}

const TERMS: readonly { readonly label: string; readonly of: (ledger: HubLedger) => number }[] = [
  { label: 'acked', of: (ledger) => ledger.acked },
  { label: 'written', of: (ledger) => ledger.written },
  { label: 'rejected', of: (ledger) => ledger.rejected },
  { label: 'expired', of: (ledger) => ledger.expired },
  { label: 'dropped', of: (ledger) => droppedIn(ledger) },
  { label: 'dead-lettered', of: (ledger) => ledger.deadLettered },
  { label: 'ready', of: (ledger) => ledger.ready },
  { label: 'in flight', of: (ledger) => ledger.inflight },
];

const droppedIn = (ledger: HubLedger): number =>
  Object.values(ledger.dropped).reduce((total, dropped) => total + dropped, 0);

export function LedgerPanel({ model }: { readonly model: DashboardModel }) {
  useRefresh(REFRESH_MS);
  const ledger = model.ledger;
  return (
    <section class="panel ledger" aria-labelledby="ledger-title">
      <h3 id="ledger-title">
        The law <small>every message for every subscriber ends in exactly one way</small>
      </h3>
      {ledger ? <Equation ledger={ledger} /> : <p class="muted">Waiting for the hub’s statistics.</p>}
      <p class="hint">
        <b>What you should see:</b> all terms move, the residual stays 0: no message disappears unaccounted
        for.
      </p>
    </section>
  );
}

function Equation({ ledger }: { readonly ledger: HubLedger }) {
  const reasons = Object.entries(ledger.dropped).filter(([, dropped]) => dropped > 0);
  return (
    <>
      <div class="equation">
        <span class="term total">
          <b>{count(ledger.routed)}</b>
          <small>routed</small>
        </span>
        {TERMS.map(({ label, of }, index) => (
          <span class={`term ${of(ledger) === 0 ? 'is-zero' : ''}`} key={label}>
            <i>{index === 0 ? '=' : '+'}</i>
            <b>{count(of(ledger))}</b>
            <small>{label}</small>
          </span>
        ))}
        <span class={`term residual ${ledger.residual === 0 ? 'holds' : 'broken'}`}>
          <b>
            {ledger.residual === 0 ? '✓' : '✗'} {count(ledger.residual)}
          </b>
          <small>residual</small>
        </span>
      </div>
      <p class="muted reasons">
        {reasons.length === 0
          ? 'Nothing dropped so far.'
          : `Dropped because: ${reasons.map(([reason, dropped]) => `${reason} ${count(dropped)}`).join(' · ')}`}
      </p>
    </>
  );
}
