/**
 * What RFC 6455 asks of a server, as data: bytes that a client sends, and what has to come back from a hub that says
 * every message again. `fails CODE` is a connection that the server fails (§7.1.7): a close frame with that code, and the
 * end; the RFC lets a server leave that frame out.
 */
import { ERRORS } from '@ringhub/protocol';
import { closing, frame, OPCODES, shownBytes, shownText } from './websocket-frames.ts';

const { continuation, text, binary, close, ping, pong } = OPCODES;

export interface WebSocketCase {
  /** Section of RFC 6455, or of PROTOCOL.md. */
  readonly section: string;
  readonly name: string;
  /** Written one after the other, each as a piece of its own. */
  readonly sends: readonly Uint8Array[];
  readonly comes: readonly string[];
}

export const LIMITS = { maxFrameBytes: 66_000, maxFragments: 64, maxConnections: 100 };
const TOO_LARGE = `fails ${ERRORS['frame-too-large'].code}`;
const PROTOCOL_ERROR = 'fails 1002';
const NOT_UTF8 = 'fails 1007';

/** What shows that the connection still works: a client's close, and its echo. */
const GOODBYE = frame(close, closing(1000));
const ENDED = ['close 1000', 'end'];

const cases: WebSocketCase[] = [];
const add = (section: string, name: string, sends: Uint8Array[], comes: string[]): void => {
  cases.push({ section, name, sends, comes });
};
/** The connection goes on. */
const works = (section: string, name: string, sends: Uint8Array[], comes: string[]): void =>
  add(section, name, [...sends, GOODBYE], [...comes, ...ENDED]);
/** It does not, and what comes after is not looked at; a hub that goes on all the same is said goodbye. */
const fails = (
  section: string,
  name: string,
  sends: Uint8Array[],
  how: string,
  before: string[] = [],
): void => add(section, name, [...sends, frame(text, 'after'), GOODBYE], [...before, how]);

const split = (bytes: Uint8Array, every = 1): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / every) }, (_, i) =>
    bytes.subarray(i * every, (i + 1) * every),
  );

const LENGTHS = [0, 1, 124, 125, 126, 127, 128, 65_535, 65_536, LIMITS.maxFrameBytes];

for (const length of LENGTHS) {
  const payload = Buffer.alloc(length, 'abcdefghij');
  works('§5.2', `text of ${length} bytes`, [frame(text, payload)], [shownText(payload)]);
  works('§5.2', `${length} bytes`, [frame(binary, payload)], [shownBytes('binary', payload)]);
}
for (const [length, lengthBytes] of [
  [5, 2],
  [5, 8],
  [300, 8],
] as const) {
  const payload = Buffer.alloc(length, 'x');
  // A sender has to use the fewest; what a receiver does with more is left to it.
  works(
    '§5.2',
    `${length} bytes, their length in ${lengthBytes}`,
    [frame(text, payload, { lengthBytes })],
    [shownText(payload)],
  );
}
works('§5.2', 'text in bytes that come one by one', split(frame(text, 'one by one')), ['text one by one']);
works('§5.2', 'a length that comes in two pieces', split(frame(text, 'y'.repeat(200)), 3), [
  shownText('y'.repeat(200)),
]);
works(
  '§5.2',
  'ten frames in one piece',
  [Buffer.concat(Array.from({ length: 10 }, (_, i) => frame(text, `${i}`)))],
  Array.from({ length: 10 }, (_, i) => `text ${i}`),
);

for (const declaredBytes of [BigInt(LIMITS.maxFrameBytes) * 2n + 1n, 1n << 32n, (1n << 53n) - 1n])
  fails(
    '§10.4',
    `a length of ${declaredBytes} bytes that do not come`,
    [frame(text, 'x', { declaredBytes })],
    TOO_LARGE,
  );
for (const declaredBytes of [1n << 53n, 1n << 62n, 1n << 63n, (1n << 64n) - 1n])
  fails(
    '§5.2',
    `a length of ${declaredBytes}, beyond what can be`,
    [frame(text, 'x', { declaredBytes })],
    TOO_LARGE,
  );
fails(
  '§10.4',
  'a message of one byte more than may be',
  [frame(text, 'x'.repeat(LIMITS.maxFrameBytes + 1))],
  TOO_LARGE,
);
fails(
  '§10.4',
  'pieces that together are one byte more than may be',
  [frame(binary, 'x'.repeat(LIMITS.maxFrameBytes), { fin: false }), frame(continuation, 'x')],
  TOO_LARGE,
);

for (const mask of [
  [0, 0, 0, 0],
  [255, 255, 255, 255],
  [1, 2, 3, 4],
  [0, 255, 0, 255],
])
  works('§5.3', `the mask ${mask}`, [frame(text, 'masked', { mask })], ['text masked']);
for (const [name, opcode] of [
  ['text', text],
  ['bytes', binary],
  ['a ping', ping],
  ['a pong', pong],
] as const)
  fails('§5.1', `${name} without a mask`, [frame(opcode, 'plain', { mask: 'none' })], PROTOCOL_ERROR);
fails('§5.1', 'a close without a mask', [frame(close, closing(1000), { mask: 'none' })], PROTOCOL_ERROR);

for (let reserved = 1; reserved <= 7; reserved++) {
  for (const [name, opcode] of [
    ['text', text],
    ['bytes', binary],
    ['a ping', ping],
    ['a close', close],
  ] as const)
    fails(
      '§5.2',
      `${name} with the reserved bits ${reserved.toString(2).padStart(3, '0')}`,
      [frame(opcode, opcode === close ? closing(1000) : 'x', { reserved })],
      PROTOCOL_ERROR,
    );
  fails(
    '§5.2',
    `a continuation with the reserved bits ${reserved.toString(2).padStart(3, '0')}`,
    [frame(text, 'x', { fin: false }), frame(continuation, 'y', { reserved })],
    PROTOCOL_ERROR,
  );
}
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  fails('§5.2', `the opcode ${opcode}`, [frame(opcode, '')], PROTOCOL_ERROR);
  fails(
    '§5.2',
    `the opcode ${opcode} with a payload, after a message`,
    [frame(text, 'before'), frame(opcode, 'x')],
    PROTOCOL_ERROR,
    ['text before'],
  );
  fails(
    '§5.2',
    `the opcode ${opcode} between pieces`,
    [frame(text, 'a', { fin: false }), frame(opcode, 'x'), frame(continuation, 'b')],
    PROTOCOL_ERROR,
  );
}

for (const [kind, opcode] of [
  ['text', text],
  ['binary', binary],
] as const) {
  const whole = (payload: string) =>
    kind === 'text' ? shownText(payload) : shownBytes('binary', Buffer.from(payload));
  for (const count of [2, 3, LIMITS.maxFragments]) {
    const pieces = Array.from({ length: count }, (_, i) =>
      frame(i === 0 ? opcode : continuation, 'p', { fin: i === count - 1 }),
    );
    works('§5.4', `${kind} in ${count} pieces`, pieces, [whole('p'.repeat(count))]);
    works('§5.4', `${kind} in ${count} pieces, at once`, [Buffer.concat(pieces)], [whole('p'.repeat(count))]);
  }
  works(
    '§5.4',
    `${kind} in empty pieces`,
    [frame(opcode, '', { fin: false }), frame(continuation, '', { fin: false }), frame(continuation, '')],
    [whole('')],
  );
  works(
    '§5.4',
    `${kind} with one piece that is not empty`,
    [frame(opcode, '', { fin: false }), frame(continuation, 'mid', { fin: false }), frame(continuation, '')],
    [whole('mid')],
  );
  works(
    '§5.5',
    `a ping between pieces of ${kind}`,
    [frame(opcode, 'a', { fin: false }), frame(ping, 'in'), frame(continuation, 'b')],
    [`pong ${Buffer.from('in').toString('hex')}`, whole('ab')],
  );
  works(
    '§5.5',
    `a ping and a pong after each piece of ${kind}`,
    [
      frame(opcode, 'a', { fin: false }),
      frame(ping, '1'),
      frame(pong, 'x'),
      frame(continuation, 'b', { fin: false }),
      frame(ping, '2'),
      frame(pong, 'y'),
      frame(continuation, 'c'),
    ],
    ['pong 31', 'pong 32', whole('abc')],
  );
  add('§5.5', `a close between pieces of ${kind}`, [frame(opcode, 'a', { fin: false }), GOODBYE], ENDED);
  fails(
    '§5.4',
    `${kind} while another message is in pieces`,
    [frame(text, 'a', { fin: false }), frame(opcode, 'b')],
    PROTOCOL_ERROR,
  );
  fails(
    '§5.4',
    `the first piece of ${kind} while another message is in pieces`,
    [frame(text, 'a', { fin: false }), frame(opcode, 'b', { fin: false })],
    PROTOCOL_ERROR,
  );
  fails(
    'PROTOCOL §2',
    `${kind} in more pieces than may be`,
    Array.from({ length: LIMITS.maxFragments + 1 }, (_, i) =>
      frame(i === 0 ? opcode : continuation, 'p', { fin: i === LIMITS.maxFragments }),
    ),
    TOO_LARGE,
  );
}
for (const fin of [true, false]) {
  fails(
    '§5.4',
    `a continuation (${fin ? 'the last' : 'not the last'}) of nothing`,
    [frame(continuation, 'x', { fin })],
    PROTOCOL_ERROR,
  );
  fails(
    '§5.4',
    `a continuation (${fin ? 'the last' : 'not the last'}) after a whole message`,
    [frame(text, 'whole'), frame(continuation, 'x', { fin })],
    PROTOCOL_ERROR,
    ['text whole'],
  );
}

for (const length of [0, 1, 125]) {
  const payload = Buffer.alloc(length, 0xfe);
  works('§5.5.2', `a ping of ${length} bytes`, [frame(ping, payload)], [shownBytes('pong', payload)]);
  works('§5.5.3', `a pong of ${length} bytes that nobody asked for`, [frame(pong, payload)], []);
}
works(
  '§5.5.2',
  'ten pings, answered in order',
  Array.from({ length: 10 }, (_, i) => frame(ping, `${i}`)),
  Array.from({ length: 10 }, (_, i) => `pong 3${i}`),
);
works('§5.5.2', 'a ping in bytes that come one by one', split(frame(ping, 'slow')), [
  `pong ${Buffer.from('slow').toString('hex')}`,
]);
for (const [name, opcode] of [
  ['ping', ping],
  ['pong', pong],
  ['close', close],
] as const) {
  const payload = opcode === close ? closing(1000) : 'x';
  fails(
    '§5.5',
    `a ${name} of 126 bytes`,
    [frame(opcode, Buffer.concat([closing(1000), Buffer.alloc(124, 'x')]))],
    PROTOCOL_ERROR,
  );
  fails(
    '§5.5',
    `a ${name} of 5 bytes, their length in 2`,
    [frame(opcode, Buffer.concat([closing(1000), Buffer.alloc(3, 'x')]), { lengthBytes: 2 })],
    PROTOCOL_ERROR,
  );
  fails('§5.5', `a ${name} in pieces`, [frame(opcode, payload, { fin: false })], PROTOCOL_ERROR);
}

export const MAY_BE_SENT = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
const MUST_NOT = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
add('§7.4', 'a close without a code', [frame(close)], ['close', 'end']);
for (const code of MAY_BE_SENT) {
  add('§7.4', `a close with ${code}`, [frame(close, closing(code))], [`close ${code}`, 'end']);
  add(
    '§7.1.6',
    `a close with ${code} and a reason`,
    [frame(close, closing(code, 'so long'))],
    [`close ${code}`, 'end'],
  );
}
for (const code of MUST_NOT)
  fails(
    '§7.4.2',
    `a close with ${code}, which nobody may send`,
    [frame(close, closing(code))],
    PROTOCOL_ERROR,
  );
fails('§5.5.1', 'a close of one byte', [frame(close, Buffer.from([3]))], PROTOCOL_ERROR);
add('§5.5.1', 'a close with a reason of 123 bytes', [frame(close, closing(1000, 'r'.repeat(123)))], ENDED);
fails(
  '§5.5.1',
  'a close with a reason that is not UTF-8',
  [frame(close, closing(1000, Buffer.from([0xce, 0xba, 0xff])))],
  NOT_UTF8,
);
add('§5.5.1', 'a message after the close is not heard', [GOODBYE, frame(text, 'late')], ENDED);
add(
  '§5.5.1',
  'a ping after the close is not answered',
  [Buffer.concat([GOODBYE, frame(ping, 'late')])],
  ENDED,
);
add('§5.5.1', 'two closes', [Buffer.concat([GOODBYE, frame(close, closing(1001))])], ENDED);
add(
  '§5.5.1',
  'messages before the close are answered first',
  [Buffer.concat([frame(text, 'one'), frame(text, 'two'), GOODBYE])],
  ['text one', 'text two', ...ENDED],
);

/** Each of two, three and four bytes a character, the ends of what each length can say, and marks that join others. */
const VALID_TEXTS = [
  'κόσμε',
  '\u0000\u007f',
  '\u0080\u07ff',
  '\u0800\ud7ff\ue000\uffff',
  '\u{10000}\u{10ffff}',
  '\ufffe\ufdd0\ufffd',
  '👩‍👩‍👧 e\u0301 \u202e',
];
for (const valid of VALID_TEXTS) {
  const bytes = Buffer.from(valid);
  const name = [...valid].map((character) => `U+${character.codePointAt(0)!.toString(16)}`).join(' ');
  works('§8.1', `the text ${name}`, [frame(text, bytes)], [`text ${valid}`]);
  for (let at = 1; at < bytes.length; at++) {
    const pieces = [
      frame(text, bytes.subarray(0, at), { fin: false }),
      frame(continuation, bytes.subarray(at)),
    ];
    works('§8.1', `the text ${name} in pieces, cut after byte ${at}`, pieces, [`text ${valid}`]);
  }
  const all = frame(text, bytes);
  works('§8.1', `the text ${name} in a frame that comes byte by byte`, split(all), [`text ${valid}`]);
}

const INVALID: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['a byte that only continues', [0x80]],
  ['two bytes that only continue', [0xbf, 0x80]],
  ['a first of two bytes alone', [0xc3]],
  ['a first of two bytes before a letter', [0xc3, 0x28]],
  ['two of three bytes', [0xe2, 0x82]],
  ['three of four bytes', [0xf0, 0x9f, 0x98]],
  ['a first of five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['a first of six bytes', [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]],
  ['the byte FE', [0xfe]],
  ['the byte FF', [0xff]],
  ['a slash in two bytes', [0xc0, 0xaf]],
  ['a slash in three bytes', [0xe0, 0x80, 0xaf]],
  ['a slash in four bytes', [0xf0, 0x80, 0x80, 0xaf]],
  ['U+7F in two bytes', [0xc1, 0xbf]],
  ['U+7FF in three bytes', [0xe0, 0x9f, 0xbf]],
  ['U+FFFF in four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
  ['a high surrogate', [0xed, 0xa0, 0x80]],
  ['a low surrogate', [0xed, 0xbf, 0xbf]],
  ['a pair of surrogates', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['U+110000', [0xf4, 0x90, 0x80, 0x80]],
  ['the first byte F5', [0xf5, 0x80, 0x80, 0x80]],
];
for (const [name, bytes] of INVALID) {
  const around = Buffer.from([...Buffer.from('Hello-µ'), ...bytes, ...Buffer.from('-edited')]);
  fails('§8.1', `text with ${name}`, [frame(text, around)], NOT_UTF8);
  fails('§8.1', `text that ends with ${name}`, [frame(text, Buffer.from([0x61, ...bytes]))], NOT_UTF8);
  fails(
    '§8.1',
    `text with ${name}, in pieces of one byte`,
    [...around].map((byte, i) =>
      frame(i === 0 ? text : continuation, Buffer.from([byte]), { fin: i === around.length - 1 }),
    ),
    NOT_UTF8,
  );
  works(
    '§5.6',
    `bytes with ${name}: they need not be UTF-8`,
    [frame(binary, around)],
    [shownBytes('binary', around)],
  );
}

export const WEBSOCKET_CASES: readonly WebSocketCase[] = cases;
