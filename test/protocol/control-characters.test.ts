/**
 * X12: whatever has a name is one line of text. Control characters in a name are refused where it comes in, so that no
 * log, terminal, page, header or other broker behind the hub ever sees them.
 */
import { readClientFields } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';

const HOSTILE = [
  ['NUL', '\u0000'],
  ['a line break', '\n'],
  ['a carriage return', '\r'],
  ['an escape', '\u001b[2J'],
  ['DEL', '\u007f'],
  ['a control character of Latin-1', '\u009b'],
  ['half a surrogate pair', '\ud800'],
] as const;

const subscribe = (binding: unknown, more = {}) => ['subscribe', 1, { bindings: [binding], ...more }];

/** Every place of a client frame that holds a name, and the error that refuses it there. */
const PLACES: readonly (readonly [string, (name: string) => [string, ...unknown[]], string])[] = [
  ['a client', (name) => ['hello', { version: 1, client: name }], 'bad-frame'],
  ['a declared exchange', (name) => ['declare', 1, name, { type: 'topic' }], 'bad-name'],
  ['an alternate exchange', (name) => ['declare', 1, 'x', { type: 'topic', alternate: name }], 'bad-name'],
  ['a deleted exchange', (name) => ['delete', 1, name], 'bad-name'],
  ['the exchange bound to', (name) => ['bind', 1, name, 'x', 'k'], 'bad-name'],
  ['a binding pattern', (name) => ['bind', 1, 'x', 'y', name], 'bad-pattern'],
  ['a subscribed pattern', (name) => subscribe(['x', name]) as [string], 'bad-pattern'],
  ['a binding argument', (name) => subscribe(['x', 'k', { [name]: 1 }]) as [string], 'bad-headers'],
  [
    'a conflation header',
    (name) => subscribe(['x', 'k'], { overflow: 'conflate', conflationHeader: name }) as [string],
    'bad-argument',
  ],
  ['a routing key', (name) => ['publish', 1, 'x', name, 'p'], 'bad-key'],
  ['a message header', (name) => ['publish', 1, 'x', 'k', 'p', { headers: { [name]: 1 } }], 'bad-headers'],
  ['a message id', (name) => ['publish', 1, 'x', 'k', 'p', { id: name }], 'bad-argument'],
  ['a content type', (name) => ['publish', 1, 'x', 'k', 'p', { contentType: name }], 'bad-argument'],
  ['a declared queue', (name) => ['declareQueue', 1, name, {}], 'bad-name'],
  ['a dead letter exchange', (name) => ['declareQueue', 1, 'q', { deadLetterExchange: name }], 'bad-name'],
  [
    'a dead letter key',
    (name) => ['declareQueue', 1, 'q', { deadLetterExchange: 'x', deadLetterKey: name }],
    'bad-key',
  ],
  ['a deleted queue', (name) => ['deleteQueue', 1, name], 'bad-name'],
  ['a purged queue', (name) => ['purge', 1, name], 'bad-name'],
  ['an inspected queue', (name) => ['inspect', 1, name], 'bad-name'],
  ['a consumed queue', (name) => ['consume', 1, { consume: name }], 'bad-name'],
  ['the queue bound to', (name) => ['bind', 1, { queue: name }, 'x', 'k'], 'bad-name'],
];

describe.each(PLACES)('X12: the name of %s', (_, frame, error) => {
  it('may be any line of text', () => {
    expect(readClientFields(frame('eu-1'))).not.toMatchObject({ type: 'invalid' });
  });

  it.each(HOSTILE)('is refused with %s', (_, character) => {
    const read = readClientFields(frame(`a${character}b`));
    expect(read).toMatchObject({ type: 'invalid', error });
    // What is refused is not repeated: the answer names the field alone.
    expect(JSON.stringify(read)).not.toContain('a\\');
  });
});
