/**
 * Ringhub inside another program, or a test: `const hub = await startHub()`.
 */
export type { TokenGrant } from './auth/token-auth.ts';
export { type TransportName, TransportUnavailable } from './carrier.ts';
export type { PermissionRule } from './core/permission-rules.ts';
export { Exposed } from './http/exposure.ts';
export { ListenError } from './http/http-server.ts';
export { type TlsSettings, TlsUnusable } from './http/tls-files.ts';
export type { ProxySettings } from './http/trusted-proxies.ts';
export { DataUnavailable, type RunningHub, type StartHubOptions, startHub } from './start-hub.ts';
