/** Exit codes of the commands that run or check a hub; those that talk to one have more, in `session.ts`. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
