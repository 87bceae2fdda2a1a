/** All scenarios, in the order in which they are told. */
import { BINDING_CHURN } from './binding-churn.ts';
import { CONFLATION } from './conflation.ts';
import { DELIVERY_SCENARIOS } from './deliveries.ts';
import { IDLE_SESSIONS } from './idle-sessions.ts';
import { PUBLISH_INGRESS } from './publish-ingress.ts';
import { RESUME_STORMS } from './resume-storm.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...DELIVERY_SCENARIOS,
  IDLE_SESSIONS,
  ...RESUME_STORMS,
  CONFLATION,
  ...PUBLISH_INGRESS,
  BINDING_CHURN,
];
