/** The SDK's codecs by name, to measure one against the other. */

import { BinaryCodec } from '../../client-sdk/src/binary.ts';
import type { ClientCodec } from '../../client-sdk/src/codec.ts';
import { jsonCodec } from '../../client-sdk/src/codec-json.ts';

export type CodecName = 'json' | 'binary';

export const CODECS: Readonly<Record<CodecName, () => ClientCodec>> = {
  json: () => jsonCodec,
  binary: () => new BinaryCodec(),
};
