/** How many cases tests of pure code try: as many as find what was ever found, or with `RINGHUB_CASES=10` ten times as many. */
const FACTOR = Number(process.env.RINGHUB_CASES ?? 1);

export const cases = (usual: number): number => Math.ceil(usual * FACTOR);
/** Whether a test that usually tries some of its cases is to try all. */
export const triesAll = FACTOR > 1;
