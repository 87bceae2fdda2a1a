/** All scenarios, in the order in which they are told. */
import { DELIVERY_SCENARIOS } from './deliveries.ts';
import { IDLE_SESSIONS } from './idle-sessions.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [...DELIVERY_SCENARIOS, IDLE_SESSIONS];
