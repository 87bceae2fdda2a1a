/**
 * When a newer token is asked for while the one in use is still good: after 70 to 80 % of what is left of its life but for
 * the last ten seconds. Where that fails, the same of what is left then. The jitter keeps tokens that were made together
 * from being renewed together.
 *
 * @param lifeMs how long the token in use is still good
 * @param random from 0 up to 1
 */
export const refreshInMs = (lifeMs: number, random: number): number =>
  Math.max(1_000, (lifeMs - 10_000) * (0.8 - random / 10));
