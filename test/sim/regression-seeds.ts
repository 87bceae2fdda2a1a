/**
 * Seeds that failed once, and what they found. A change in how a scenario is drawn may take them elsewhere; they cost
 * little and stay.
 */
export const REGRESSION_SEEDS: readonly (readonly [seed: number, found: string])[] = [
  [1, 'replays held more than the memory budget: only the live feed asked for relief'],
  [
    3,
    'after a restart, a conflating subscription told the end of its old epoch again, and of its newer one never',
  ],
  [18, 'the same without conflation, where the gap was processed and no message after it'],
  [24, 'the memory transport did not tell a client that closed a half-open connection before it opened'],
  [56, 'the end of an epoch that was processed moved no cursor'],
  [70, 'a queue that ended while a message was being routed'],
  [84, 'a session evicted by the very message that it was about to get'],
  [207, 'equal routing keys of two exchanges were conflated'],
  [285, 'confirms of one publish window over the output bound: resume, overflow, resume'],
  [305, 'a snapshot that had ended for the application, but not for the cursor'],
  [456, 'a mandatory publish with an id, stored, then sent again when nobody was subscribed'],
  [529, 'a gap in hand while its session was lost twice'],
  [783, 'losses told by one queue, and brought by the next'],
];
