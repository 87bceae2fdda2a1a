/** Starts hubs on the transport that RINGHUB_TEST_TRANSPORT names, `ws` by default: a run of all server tests on another. */
import {
  type RunningHub,
  type StartHubOptions,
  startHub as startOn,
  type TransportName,
} from '../../../server/src/index.ts';

export const testTransport = (process.env.RINGHUB_TEST_TRANSPORT ?? 'ws') as TransportName;

export const startHub = (options: StartHubOptions = {}): Promise<RunningHub> =>
  startOn({ transport: testTransport, ...options });
