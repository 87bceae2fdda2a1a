/** The stops of the pace slider, in messages a second; the last one is no limit. */
export const PACES: readonly (number | null)[] = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, null];

export const paceIndex = (perSecond: number | null): number => Math.max(0, PACES.indexOf(perSecond));

export const paceText = (perSecond: number | null): string =>
  perSecond === null ? 'no limit' : `${perSecond} messages/s`;
