/** The bridge to uWebSockets.js under the contract of HTTP servers. */
import { type UwsApp, UwsHttpServer } from '../../server/src/http/uws-server.ts';
import { httpServerSuite } from './http-server-suite.ts';
import { describeUws } from './uws-here.ts';

describeUws('the uws HTTP server', ({ library }) => {
  httpServerSuite('uws', () => new UwsHttpServer(library.App() as UwsApp, library));
});
