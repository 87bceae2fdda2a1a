/**
 * Reads the JSON of client frames, by hand: one walk over their units as bytes, in which a value costs what its characters do.
 *
 * `JSON.parse` takes 0.2 µs for a frame of two numbers, and for each name it has not met before; this takes a third of that, and what
 * nobody reads becomes no value: an inlined one is checked and stays text, and fields that no frame has are passed over. Bounds (PROTOCOL
 * §2) are told as they are met. What is no JSON, or is beyond them, throws {@link NO_FRAME}, which only `frameOf` catches.
 */
import { asciiUnits } from './ascii-units.ts';
import type { Fields } from './client-fields.ts';
import { FIELDS_READ } from './fields-read.ts';
import { InlinedJson } from './inlined-json.ts';
import { endOfString, escapeLength, MAX_JSON_CONTAINERS, MAX_JSON_DEPTH } from './json-bounds.ts';
import { type NameBudget, TOO_MANY_NAMES } from './name-budget.ts';
import { PeerObject } from './peer-object.ts';
import type { ShortTexts } from './short-texts.ts';
import { isSparse, PAYLOAD_AT } from './sparse-frame.ts';

/** Thrown as a constant, so that it costs no stack trace. */
const NO_FRAME = Symbol('no frame');

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** The bit in which letters differ from their capitals, which JSON's exponents may be. */
const LOWER = 0x20;
const LETTER_E = 0x65;
const DELETE = 0x7f;
/** A longer text is left to the engine's parser. */
const LONGEST_BY_HAND = 64;
/** More digits may be more than 31 bits. */
const MAX_SMALL_DIGITS = 9;

/** Numbers with a comma behind each; none reaches beyond the line of its frame. */
const NUMBERS = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?,)+/y;

const isDigit = (unit: number): boolean => unit >= ZERO && unit <= NINE;

const NO_UNITS = /* @__PURE__ */ new Uint8Array(1);

export class JsonReader {
  /** Of the frame, and a 0 behind them, at which every walk ends: it is no digit, no token, and in no text. */
  private units: Uint8Array = NO_UNITS;
  /** Where the frame begins in the message. */
  private base = 0;
  /** In the frame, as every position here. */
  private at = 0;
  private end = 0;
  private depth = 0;
  private containers = 0;

  constructor(
    private readonly json: string,
    private readonly texts: ShortTexts,
    private readonly names: NameBudget,
  ) {}

  /** The fields of the frame that stands between `start` and `end`, or `undefined` where there is none. */
  frameOf(start: number, end: number): Fields | undefined {
    this.base = start;
    this.at = 0;
    this.end = end - start;
    this.depth = 0;
    this.containers = 0;
    try {
      if (isSparse(this.json, start, end, this.names)) return parsedFrame(this.json.slice(start, end));
      this.units = asciiUnits(this.json, start, end);
      return this.frame();
    } catch (fault) {
      if (fault !== NO_FRAME) throw fault;
      return undefined;
    } finally {
      // A message may wait for its next turn: not with memory of its own for a frame that is done.
      this.units = NO_UNITS;
    }
  }

  private frame(): Fields {
    if (this.next() !== OPEN_ARRAY) throw NO_FRAME;
    this.open();
    if (this.next() !== QUOTE) throw NO_FRAME;
    const type = this.text();
    const fields: Fields = [type];
    const count = FIELDS_READ.get(type) ?? 1;
    let unit = this.next();
    while (unit === COMMA) {
      this.at++;
      if (fields.length >= count) this.skip();
      else fields.push(fields.length === PAYLOAD_AT && type === 'publish' ? this.payload() : this.value());
      unit = this.next();
    }
    if (unit !== CLOSE_ARRAY) throw NO_FRAME;
    this.close();
    this.next();
    if (this.at < this.end) throw NO_FRAME;
    return fields;
  }

  /** The unit of the next token, which stays to be read; 0 at the end. */
  private next(): number {
    const { units } = this;
    let unit = units[this.at]!;
    while (unit === SPACE || unit === TAB || unit === CR || unit === LF) unit = units[++this.at]!;
    return unit;
  }

  private open(): void {
    this.at++;
    if (++this.depth > MAX_JSON_DEPTH || ++this.containers > MAX_JSON_CONTAINERS) throw NO_FRAME;
  }

  private close(): void {
    this.at++;
    this.depth--;
  }

  private value(): unknown {
    switch (this.next()) {
      case QUOTE:
        return this.text();
      case OPEN_ARRAY:
        return this.names.isSpent ? this.passedOver() : this.array();
      case OPEN_OBJECT:
        return this.names.isSpent ? this.passedOver() : this.object();
      case 0x66:
        return this.literal('false', false);
      case 0x6e:
        return this.literal('null', null);
      case 0x74:
        return this.literal('true', true);
      default:
        return this.number();
    }
  }

  private literal<T>(text: string, value: T): T {
    if (!this.json.startsWith(text, this.base + this.at)) throw NO_FRAME;
    this.at += text.length;
    return value;
  }

  /** What comes behind an object that was out of bounds, whose frame is refused for that. */
  private passedOver(): unknown {
    this.skip();
    return TOO_MANY_NAMES;
  }

  /** Ranges and bindings are pairs, in thousands: one that is written as such has no room that it does not need, and none to clear. */
  private array(): unknown[] {
    this.open();
    if (this.next() === CLOSE_ARRAY) {
      this.close();
      return [];
    }
    const first = this.value();
    if (!this.goesOn()) return [first];
    const second = this.value();
    if (!this.goesOn()) return [first, second];
    const values = [first, second, this.value()];
    while (this.goesOn()) values.push(this.value());
    return values;
  }

  /** Whether an array has a value more. */
  private goesOn(): boolean {
    const unit = this.next();
    if (unit === COMMA) {
      this.at++;
      return true;
    }
    if (unit !== CLOSE_ARRAY) throw NO_FRAME;
    this.close();
    return false;
  }

  private object(): unknown {
    const object = new PeerObject<unknown>(this.names);
    this.open();
    if (this.next() !== CLOSE_OBJECT) {
      for (;;) {
        if (object.isFull) this.skipMember();
        else object.add(this.name(), this.value());
        if (this.next() !== COMMA) break;
        this.at++;
      }
      if (this.next() !== CLOSE_OBJECT) throw NO_FRAME;
    }
    this.close();
    return object.end();
  }

  /** Of a member, up to its value. */
  private name(): string {
    if (this.next() !== QUOTE) throw NO_FRAME;
    const name = this.text();
    if (this.next() !== COLON) throw NO_FRAME;
    this.at++;
    return name;
  }

  /** Of a publish: where an object inlines a value, the text of that; of other members only bytes are read. */
  private payload(): unknown {
    if (this.next() !== OPEN_OBJECT) return this.value();
    let inlined: InlinedJson | undefined;
    let b64: unknown;
    this.open();
    if (this.next() !== CLOSE_OBJECT) {
      for (;;) {
        const name = this.name();
        if (name === 'json') {
          this.next();
          const start = this.at;
          this.skip();
          inlined = new InlinedJson(this.slice(start, this.at));
        } else if (name === 'b64') b64 = this.value();
        else this.skip();
        if (this.next() !== COMMA) break;
        this.at++;
      }
      if (this.next() !== CLOSE_OBJECT) throw NO_FRAME;
    }
    this.close();
    return inlined ?? { b64 };
  }

  private slice(start: number, end: number): string {
    return this.json.slice(this.base + start, this.base + end);
  }

  private text(): string {
    const { units } = this;
    const start = ++this.at;
    const longest = start + LONGEST_BY_HAND;
    for (let i = start; i < longest; i++) {
      const unit = units[i]!;
      if (unit === QUOTE) {
        this.at = i + 1;
        // A copy, as a slice would keep the whole message in memory.
        return this.texts.read(units, start, i - start) ?? JSON.parse(this.slice(start - 1, i + 1));
      }
      if (unit === BACKSLASH || unit >= DELETE) break;
      if (unit < SPACE) throw NO_FRAME;
    }
    return this.parsedText(start - 1);
  }

  /** A long text, or one with escapes, from its quote on: by the engine's parser, which is the faster for it. */
  private parsedText(start: number): string {
    const end = endOfString(this.json, this.base + start) - this.base;
    const text = end >= 0 && end < this.end ? parsed(this.slice(start, end + 1)) : undefined;
    if (text === undefined) throw NO_FRAME;
    this.at = end + 1;
    return text as string;
  }

  /** Most are whole and small, and are put together as such: once one was not, an engine counts with fractions for all. */
  private number(): number {
    const { units } = this;
    const start = this.at;
    let value = 0;
    let i = start;
    for (; isDigit(units[i]!); i++) value = (Math.imul(value, 10) + units[i]! - ZERO) | 0;
    if (!isPlain(units, start, i) || i - start > MAX_SMALL_DIGITS) return this.anyNumber();
    this.at = i;
    return value;
  }

  /** One with a sign, a fraction, an exponent, or many digits. */
  private anyNumber(): number {
    const start = this.at;
    this.skipNumber();
    return Number(this.slice(start, this.at));
  }

  private skipNumber(): void {
    const { units } = this;
    let i = this.at;
    while (isDigit(units[i]!)) i++;
    // Most are whole numbers of a few digits.
    if (isPlain(units, this.at, i)) {
      this.at = i;
      return;
    }
    if (units[this.at] === MINUS) this.at++;
    if (units[this.at] === ZERO) this.at++;
    else this.skipDigits();
    if (units[this.at] === POINT) {
      this.at++;
      this.skipDigits();
    }
    if ((units[this.at]! | LOWER) !== LETTER_E) return;
    this.at++;
    const sign = units[this.at];
    if (sign === PLUS || sign === MINUS) this.at++;
    this.skipDigits();
  }

  /** One digit at least. */
  private skipDigits(): void {
    const { units } = this;
    if (!isDigit(units[this.at]!)) throw NO_FRAME;
    do this.at++;
    while (isDigit(units[this.at]!));
  }

  /** Passes over a value, of which only is checked that it is JSON. */
  private skip(): void {
    switch (this.next()) {
      case QUOTE:
        this.skipString();
        return;
      case OPEN_ARRAY:
        this.open();
        if (this.next() !== CLOSE_ARRAY) {
          this.skipNumbers();
          this.skip();
          while (this.next() === COMMA) {
            this.at++;
            this.skip();
          }
          if (this.next() !== CLOSE_ARRAY) throw NO_FRAME;
        }
        this.close();
        return;
      case OPEN_OBJECT:
        this.open();
        if (this.next() !== CLOSE_OBJECT) {
          this.skipMember();
          while (this.next() === COMMA) {
            this.at++;
            this.skipMember();
          }
          if (this.next() !== CLOSE_OBJECT) throw NO_FRAME;
        }
        this.close();
        return;
      case 0x66:
        this.literal('false', false);
        return;
      case 0x6e:
        this.literal('null', null);
        return;
      case 0x74:
        this.literal('true', true);
        return;
      default:
        this.skipNumber();
    }
  }

  /** Passes over numbers at the beginning of an array, all but the last of it: the engine walks over them five times as fast. */
  private skipNumbers(): void {
    const unit = this.units[this.at]!;
    if (unit !== MINUS && !isDigit(unit)) return;
    NUMBERS.lastIndex = this.base + this.at;
    if (NUMBERS.test(this.json)) this.at = NUMBERS.lastIndex - this.base;
  }

  private skipMember(): void {
    if (this.next() !== QUOTE) throw NO_FRAME;
    this.skipString();
    if (this.next() !== COLON) throw NO_FRAME;
    this.at++;
    this.skip();
  }

  private skipString(): void {
    const { units } = this;
    for (let i = this.at + 1; ; i++) {
      const unit = units[i]!;
      if (unit === QUOTE) {
        this.at = i + 1;
        return;
      }
      if (unit < SPACE) throw NO_FRAME;
      if (unit === BACKSLASH) {
        const length = escapeLength(this.json, this.base + i + 1);
        if (length === 0) throw NO_FRAME;
        i += length;
      }
    }
  }
}

/** Whether the digits between are a whole number, with nothing behind that belongs to it. */
function isPlain(units: Uint8Array, start: number, end: number): boolean {
  if (end === start || (units[start] === ZERO && end > start + 1)) return false;
  const unit = units[end]!;
  return unit !== POINT && (unit | LOWER) !== LETTER_E;
}

function parsedFrame(json: string): Fields {
  const fields = parsed(json);
  if (!Array.isArray(fields) || typeof fields[0] !== 'string') throw NO_FRAME;
  return fields as Fields;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
