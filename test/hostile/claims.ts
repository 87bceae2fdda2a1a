/** X11: binary messages in which a length or a count claims far more than is there. */
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
/** As a length or a count: 2^53 − 1, 4 GiB, and 256 MiB, which a machine would have. */
export const HUGE = ['ff ff ff ff ff ff ff 0f', 'ff ff ff ff 0f', '80 80 80 80 01'];

/** Messages in which `HUGE` stands where a length or a count is read, each in a frame whose own length is right. */
export const CLAIMS: readonly (readonly [
  what: string,
  ofHub: boolean,
  kind: string,
  body: (huge: string) => string,
])[] = [
  ['the length of an exchange', false, '04', (huge) => `0000000000000001 01 ${huge} 78`],
  ['the length of a key', false, '04', (huge) => `0000000000000001 01 01 78 ${huge} 78`],
  ['the length of a payload', false, '04', (huge) => `0000000000000001 00 01 78 01 6b ${huge} 78`],
  ['the count of headers', false, '04', (huge) => `0000000000000001 03 01 78 01 6b 00 ${huge} 01 61 00`],
  ['the count of ranges', false, '05', (huge) => `01 00 ${huge} 01 01`],
  ['the count of notes', true, '06', (huge) => `0000000000000001 0000000000000001 ${huge} 00 00`],
  ['the count of items', true, '06', (huge) => `0000000000000001 0000000000000001 00 ${huge} 01`],
  ['the count of runs', true, '07', (huge) => `${huge} 00 01 01 01 01`],
  ['the count of queues in a run', true, '07', (huge) => `01 04 01 01 01 01 ${huge} 01 61 00`],
  ['the length of a cursor', true, '08', (huge) => `01 ${huge} 76`],
];

/** One frame of a kind. */
export function claimed(kind: string, body: string): Uint8Array {
  const content = hex(body);
  return new Uint8Array([...hex(kind), 0, 0, 0, content.length, ...content]);
}
