/** Exit codes of the commands that run or check a hub; those that talk to one have more, in `session.ts`. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** The store failed while the hub ran: the disk refused or was full. Where it did not answer, the hub ends by SIGKILL. */
export const EXIT_STORE = 74;
/** The store, or a backup, is damaged, or is none. */
export const EXIT_DAMAGED = 65;
