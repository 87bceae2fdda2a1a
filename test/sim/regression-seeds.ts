/**
 * Seeds that failed once, and what they found; some only with all of the time of trouble that they draw. A change in how a
 * scenario is drawn may take them elsewhere; they cost little and stay.
 */
export const REGRESSION_SEEDS: readonly (readonly [seed: number, found: string, isLong?: 'all of it'])[] = [
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
  [
    60092,
    'the end of a snapshot was processed while its session was lost: what followed it was told by no gap',
    'all of it',
  ],
  [
    63613,
    'a log that was not read for a life of the hub was still in the cursor: its end was told later',
    'all of it',
  ],
  [
    61374,
    'a delayed message waited for an hour more, as the clock was set back before the hub was started',
    'all of it',
  ],
  [
    76877,
    'a publish with an id, stored, then sent again to a hub that was shutting down: unavailable',
    'all of it',
  ],
  [
    79731,
    'SDK, conflate: what was processed behind the open end of a snapshot was handed out again',
    'all of it',
  ],
  [92340, 'a receipt counted a session that the message before it had ended', 'all of it'],
  [
    211,
    'equal keys of two exchanges were conflated where the second binding was made later, or between exchanges',
  ],
  [783, 'losses told by one queue, and brought by the next'],
  [1042, 'a publish with an id, stored, then sent again when its exchange was deleted'],
  [1169, 'a headers binding with its arguments in another order was another binding'],
  [1496, 'with ack none, a message that was nacked after its session was lost was handed out again'],
  [2258, 'an event stream cut off before it told the end of an epoch had passed it already'],
  // Since there is a disk, and who may do what changes; each has a test of its own, too.
  [
    10,
    'the durable log, added by a binding made later, was in no cursor: a second lost session passed over it',
  ],
  [
    127,
    'for the same reason, a subscription bound to the other log only could not be taken up again: bad-cursor',
  ],
  [5, 'a publish with an id, stored, then sent again when it was not permitted any more'],
  [24, 'an ack of a queue that was just being revoked was an error of the application'],
  [71, 'a publish confirmed late, after two windows of others: sent again, its number was unknown'],
  [213, 'the same, with all of its time of trouble', 'all of it'],
  [293, 'the same once more', 'all of it'],
  [6544, 'SDK, ack none: a mark moved the cursor past what was given up and not told yet'],
  [189, 'a publish with an id to an exchange that was deleted, and declared anew as durable'],
  [
    1579,
    'the account: of a binding made later, what stands before what the queue of that time had brought is owed by nobody',
  ],
  [3917, 'the account: a client that is turned away twice gives up, and its subscriptions end with it'],
  [6133, 'the same'],
  [923, 'the account: looked at within a turn, it missed what was to be given to the rings at the end of it'],
];
