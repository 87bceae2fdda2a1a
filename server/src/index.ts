/**
 * Ringhub inside another program, or a test: `const hub = await startHub()`.
 */
export type { TokenGrant } from './auth/token-auth.ts';
export { type TransportName, TransportUnavailable } from './carrier.ts';
export type { PermissionRule } from './core/permission-rules.ts';
export { ListenError } from './http/http-server.ts';
export { DataUnavailable, type RunningHub, type StartHubOptions, startHub } from './start-hub.ts';
