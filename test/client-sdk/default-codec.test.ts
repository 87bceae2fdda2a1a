/** Which codec a client speaks that names none: the package's entries, and the core. */
import * as core from '@ringhub/client/core';
import { describe, expect, it } from 'vitest';
import { binaryByDefault } from '../../client-sdk/src/default-codec.ts';
import * as pages from '../../client-sdk/src/index.ts';
import * as node from '../../client-sdk/src/node.ts';
import { Scene } from './support/scene.ts';

async function protocolsOf(connect: typeof core.connect, codec?: core.ConnectOptions['codec']) {
  const scene = new Scene();
  const connecting = connect('http://hub.test', { environment: scene.environment, codec });
  // Nobody answers.
  connecting.catch(() => {});
  await scene.settle();
  return scene.socket.protocols;
}

describe.each([
  ['in pages', pages],
  ['in Node', node],
])('a client %s', (_, { connect, jsonCodec, BinaryCodec }) => {
  it('speaks binary, and text where that is asked for', async () => {
    expect(await protocolsOf(connect)).toEqual(['ringhub.v1.bin']);
    expect(await protocolsOf(connect, new BinaryCodec())).toEqual(['ringhub.v1.bin']);
    expect(await protocolsOf(connect, jsonCodec)).toEqual(['ringhub.v1.json']);
  });
});

it('the core speaks text, and binary where it is given that', async () => {
  expect(await protocolsOf(core.connect)).toEqual(['ringhub.v1.json']);
  expect(await protocolsOf(core.connect, new pages.BinaryCodec())).toEqual(['ringhub.v1.bin']);
});

it('each client has a codec of its own: it remembers what it has read', () => {
  expect(binaryByDefault().codec).not.toBe(binaryByDefault().codec);
  expect(binaryByDefault({ codec: pages.jsonCodec }).codec).toBe(pages.jsonCodec);
});
