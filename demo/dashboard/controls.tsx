/** What a visitor can do: cut the line, slow the handler, pause it, change its policy and its room. */
import { useRefresh } from '../shared/frame-loop.ts';
import type { DashboardModel } from './dashboard-model.ts';
import type { Lane } from './lane.ts';
import { PACES, paceIndex, paceText } from './pace-steps.ts';
import { POLICIES, policyText } from './policies.ts';

interface ControlsProps {
  readonly model: DashboardModel;
}

const CUT_MS = 3000;
const CAPACITIES = [20, 50, 200, 1000];

function Line({ model }: ControlsProps) {
  const isDown = model.line.isDown;
  return (
    <div class="control line">
      <h3>The connection of both</h3>
      <div class="buttons">
        <button type="button" class="danger" disabled={isDown} onClick={() => model.cutLine(CUT_MS)}>
          Cut for 3 s
        </button>
        {isDown ? (
          <button type="button" class="primary" onClick={() => model.restoreLine()}>
            Reconnect now
          </button>
        ) : (
          <button type="button" onClick={() => model.cutLine(undefined)}>
            Cut until I reconnect
          </button>
        )}
      </div>
      <p class="hint">
        <b>What you should see:</b> all charts stop; then the session resumes, the missed messages arrive in
        order and the hole in every chart fills itself. Normal: 0 lost.
      </p>
    </div>
  );
}

export function Controls({ model, lane }: ControlsProps & { readonly lane: Lane }) {
  useRefresh(200);
  return (
    <section class="panel controls" aria-label="What you can do">
      <Line model={model} />
      <Pace lane={lane} />
      <Policy model={model} lane={lane} />
      <Room model={model} lane={lane} />
    </section>
  );
}

function Pace({ lane }: { readonly lane: Lane }) {
  const perSecond = lane.pacer.perSecond;
  return (
    <div class="control">
      <label for="pace">
        Throttled takes <output for="pace">{paceText(perSecond)}</output>
      </label>
      <input
        id="pace"
        type="range"
        min={0}
        max={PACES.length - 1}
        step={1}
        value={paceIndex(perSecond)}
        aria-valuetext={paceText(perSecond)}
        onInput={(event) => {
          lane.pacer.perSecond = PACES[Number(event.currentTarget.value)] ?? null;
        }}
      />
      <div class="scale" aria-hidden="true">
        <span>1/s</span>
        <span>no limit</span>
      </div>
      <p class="hint">
        <b>What you should see:</b> below the rate published, the ring fills, then the policy acts. Normal
        stays untouched.
      </p>
    </div>
  );
}

function Policy({ model, lane }: ControlsProps & { readonly lane: Lane }) {
  const chosen = lane.settings.overflow;
  const { what, see } = policyText(chosen);
  return (
    <fieldset class="control policy">
      <legend>When its ring is full</legend>
      <div class="choices">
        {POLICIES.map(({ policy }) => (
          <label key={policy} class={policy === chosen ? 'is-chosen' : ''}>
            <input
              type="radio"
              name="policy"
              value={policy}
              checked={policy === chosen}
              onChange={() => void model.change(lane, { overflow: policy })}
            />
            {policy}
          </label>
        ))}
      </div>
      <p class="what">{what}</p>
      <p class="hint">
        <b>What you should see:</b> {see}
      </p>
    </fieldset>
  );
}

function Room({ model, lane }: ControlsProps & { readonly lane: Lane }) {
  const isPaused = lane.pausedAtMs !== undefined;
  return (
    <div class="control room">
      <div class="row">
        <label for="capacity">Room in the ring</label>
        <select
          id="capacity"
          value={String(lane.settings.capacity)}
          onChange={(event) => void model.change(lane, { capacity: Number(event.currentTarget.value) })}
        >
          {CAPACITIES.map((capacity) => (
            <option key={capacity} value={String(capacity)}>
              {capacity} messages
            </option>
          ))}
        </select>
      </div>
      <button
        type="button"
        aria-pressed={isPaused}
        disabled={!lane.isReady}
        onClick={() => model.togglePause(lane)}
      >
        {isPaused ? 'Read on' : 'Pause reading'}
      </button>
      <p class="hint">
        <b>What you should see:</b> paused, nothing is handled and the ring fills; reading on, the backlog
        comes first, with a gap where it did not fit. A smaller ring is full sooner.
      </p>
    </div>
  );
}
