/**
 * A5 at length: `node scripts/run-ts.mjs test/security/resume-guesses.ts [10000000]` guesses resume tokens of a session,
 * and ends with 1 if any was taken.
 */
import { acceptedGuesses } from '../server/support/resume-guesses.ts';

const total = Number(process.argv[2] ?? 10_000_000);
const STEP = 100_000;
let accepted = 0;
for (let done = 0; done < total; done += STEP) {
  accepted += acceptedGuesses(Math.min(STEP, total - done));
  if (done % (10 * STEP) === 0) console.log(`${done + STEP} of ${total} guesses, ${accepted} accepted`);
}
console.log(`${total} guesses, ${accepted} accepted`);
process.exitCode = accepted === 0 ? 0 : 1;
