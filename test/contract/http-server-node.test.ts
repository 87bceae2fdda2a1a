/** node:http under the contract of HTTP servers. */
import { NodeHttpServer } from '../../server/src/http/node-server.ts';
import { httpServerSuite } from './http-server-suite.ts';

httpServerSuite('node', () => new NodeHttpServer());
