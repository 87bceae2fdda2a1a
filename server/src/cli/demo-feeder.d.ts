/**
 * The demo's feeder, as far as the command line knows it. Its sources are made for pages as well and need the DOM's
 * types, which the server's project does not have; the tests' project has, and checks against the real ones.
 */
declare module '@ringhub/demo/feeder' {
  export function startFeeder(options: {
    readonly url: string;
    readonly token: string;
    readonly signal: AbortSignal;
    readonly log?: { info(text: string): void; warn(text: string): void };
  }): Promise<void>;
}
