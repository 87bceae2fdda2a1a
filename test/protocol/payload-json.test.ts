import { decodeBase64, encodeBase64, payloadFromJson, payloadToJson } from '@ringhub/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('bytes of any length are the same after a round trip, and the text is what Node writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(decodeBase64(text)).toEqual(bytes);
    }),
  );
});

test('lengths around the chunk of the encoder', () => {
  for (const length of [0x1fff, 0x2000, 0x2001, 0x4000, 200_001]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(Buffer.compare(decodeBase64(encodeBase64(bytes))!, bytes)).toBe(0);
  }
});

test('payloads', () => {
  for (const payload of ['', 'text', '{"b64":""}', new Uint8Array(), new Uint8Array([0, 255])]) {
    expect(payloadFromJson(payloadToJson(payload))).toEqual(payload);
  }
  for (const value of [
    undefined,
    null,
    0,
    true,
    [],
    {},
    { b64: 1 },
    { b64: '*' },
    { b64: 'A' },
    { json: 1 },
  ]) {
    expect(payloadFromJson(value)).toBeUndefined();
  }
});
