/**
 * Reads the JSON of client frames, by hand: one walk over the text, in which a value costs what its characters do.
 *
 * `JSON.parse` takes 0.2 µs for a frame of two numbers, and for each name it has not met before; this takes a third of that, and what
 * nobody reads becomes no value: an inlined one is checked and stays text, and fields that no frame has are passed over. Bounds (PROTOCOL
 * §2) are told as they are met. What is no JSON, or is beyond them, throws {@link NO_FRAME}, which only `frameOf` catches.
 */
import type { Fields } from './client-fields.ts';
import { FIELDS_READ } from './fields-read.ts';
import { InlinedJson } from './inlined-json.ts';
import { endOfString, escapeLength, MAX_JSON_CONTAINERS, MAX_JSON_DEPTH } from './json-bounds.ts';
import { type NameBudget, TOO_MANY_NAMES } from './name-budget.ts';
import { PeerObject } from './peer-object.ts';
import type { ShortTexts } from './short-texts.ts';

/** Thrown as a constant, so that it costs no stack trace. */
const NO_FRAME = Symbol('no frame');

/** A frame of fewer units is read the faster by hand. */
const SHORT = 64;
/** What a frame has at most that the engine's parser reads. */
const SPARSE_CONTAINERS = 4;
const SPARSE_COMMAS = 16;
const SPARSE_NAMES = 8;
/** Where a publish has its payload. */
const PAYLOAD_AT = 4;

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
/** More digits may be more than a number holds exactly. */
const MAX_PLAIN_DIGITS = 15;

/** Numbers with a comma behind each; none reaches beyond the line of its frame. */
const NUMBERS = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?,)+/y;

const isDigit = (unit: number): boolean => unit >= ZERO && unit <= NINE;

export class JsonReader {
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
    this.at = start;
    this.end = end;
    this.depth = 0;
    this.containers = 0;
    try {
      return end - start > SHORT && this.isSparse() ? this.parsedFrame() : this.frame();
    } catch (fault) {
      if (fault !== NO_FRAME) throw fault;
      return undefined;
    }
  }

  /**
   * Whether a frame is text for the most part, of which the engine's parser makes the least: few values, and names within the
   * message's budget. Not one that inlines a value, which stays as it was written.
   */
  private isSparse(): boolean {
    const { json, end } = this;
    let depth = 0;
    let containers = 0;
    let commas = 0;
    let fields = 0;
    let names = 0;
    let text = 0;
    const row: string[] | undefined = this.names.asksRows ? [] : undefined;
    for (let i = this.at; i < end; i++) {
      const unit = json.charCodeAt(i);
      if (unit === QUOTE) {
        text = i;
        i = endOfString(json, i);
        if (i < 0 || i >= end) return false;
      } else if (unit === COMMA) {
        if (++commas > SPARSE_COMMAS) return false;
        if (depth === 1) fields++;
      } else if (unit === COLON) {
        if (++names > SPARSE_NAMES) return false;
        row?.push(json.slice(text, i));
      } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
        if (++containers > SPARSE_CONTAINERS) return false;
        if (++depth === 2 && fields === PAYLOAD_AT && unit === OPEN_OBJECT && !json.startsWith('{"b64":', i))
          return false;
      } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
    }
    if (row) return this.names.takes(row);
    this.names.add(names);
    return true;
  }

  private parsedFrame(): Fields {
    const fields = parsed(this.json.slice(this.at, this.end));
    if (!Array.isArray(fields) || typeof fields[0] !== 'string') throw NO_FRAME;
    return fields as Fields;
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
    if (this.next() >= 0) throw NO_FRAME;
    return fields;
  }

  /** The unit of the next token, which stays to be read; -1 at the end. */
  private next(): number {
    while (this.at < this.end) {
      const unit = this.json.charCodeAt(this.at);
      if (unit > SPACE || (unit !== SPACE && unit !== TAB && unit !== CR && unit !== LF)) return unit;
      this.at++;
    }
    return -1;
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
        return this.array();
      case OPEN_OBJECT:
        return this.object();
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
    if (!this.json.startsWith(text, this.at)) throw NO_FRAME;
    this.at += text.length;
    return value;
  }

  private array(): unknown[] {
    this.open();
    const values: unknown[] = [];
    if (this.next() !== CLOSE_ARRAY) {
      for (;;) {
        values.push(this.value());
        if (this.next() !== COMMA) break;
        this.at++;
      }
      if (this.next() !== CLOSE_ARRAY) throw NO_FRAME;
    }
    this.close();
    return values;
  }

  private object(): unknown {
    if (this.names.isSpent) {
      this.skip();
      return TOO_MANY_NAMES;
    }
    const object = new PeerObject<unknown>(this.names);
    this.open();
    if (this.next() !== CLOSE_OBJECT) {
      for (;;) {
        object.add(this.name(), this.value());
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
          inlined = new InlinedJson(this.json.slice(start, this.at));
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

  private text(): string {
    const { json } = this;
    const start = ++this.at;
    let hash = 0;
    let i = start;
    for (; i < this.end; i++) {
      const unit = json.charCodeAt(i);
      if (unit === QUOTE) {
        this.at = i + 1;
        return this.texts.find(json, start, i - start, hash) ?? JSON.parse(json.slice(start - 1, i + 1));
      }
      if (unit === BACKSLASH || unit >= 0x7f || i - start >= 64) break;
      if (unit < SPACE) throw NO_FRAME;
      hash = (Math.imul(hash, 31) + unit) | 0;
    }
    return this.parsedText(start - 1);
  }

  /** A long text, or one with escapes, from its quote on: by the engine's parser, which is the faster for it. */
  private parsedText(start: number): string {
    const end = endOfString(this.json, start);
    const text = end >= 0 && end < this.end ? parsed(this.json.slice(start, end + 1)) : undefined;
    if (text === undefined) throw NO_FRAME;
    this.at = end + 1;
    return text as string;
  }

  private number(): number {
    const { json } = this;
    const isNegative = this.unit() === MINUS;
    const start = isNegative ? this.at + 1 : this.at;
    let value = 0;
    let i = start;
    for (; i < this.end; i++) {
      const unit = json.charCodeAt(i);
      if (!isDigit(unit)) {
        if (unit === POINT || (unit | LOWER) === LETTER_E || i === start) return this.anyNumber();
        break;
      }
      value = value * 10 + (unit - ZERO);
    }
    const digits = i - start;
    if (digits === 0 || digits > MAX_PLAIN_DIGITS || (digits > 1 && json.charCodeAt(start) === ZERO))
      return this.anyNumber();
    this.at = i;
    return isNegative ? -value : value;
  }

  /** One with a fraction, an exponent, or many digits. */
  private anyNumber(): number {
    const start = this.at;
    this.skipNumber();
    return Number(this.json.slice(start, this.at));
  }

  private skipNumber(): void {
    const { json, end } = this;
    let i = this.at;
    while (i < end && isDigit(json.charCodeAt(i))) i++;
    const unit = i < end ? json.charCodeAt(i) : -1;
    // Most are whole numbers of a few digits.
    const isPlain = i > this.at && (i === this.at + 1 || json.charCodeAt(this.at) !== ZERO);
    if (isPlain && unit !== POINT && (unit | LOWER) !== LETTER_E) {
      this.at = i;
      return;
    }
    if (this.unit() === MINUS) this.at++;
    if (this.unit() === ZERO) this.at++;
    else this.skipDigits();
    if (this.unit() === POINT) {
      this.at++;
      this.skipDigits();
    }
    if ((this.unit() | LOWER) !== LETTER_E) return;
    this.at++;
    const sign = this.unit();
    if (sign === PLUS || sign === MINUS) this.at++;
    this.skipDigits();
  }

  /** One digit at least. */
  private skipDigits(): void {
    if (!isDigit(this.unit())) throw NO_FRAME;
    do this.at++;
    while (isDigit(this.unit()));
  }

  private unit(): number {
    return this.at < this.end ? this.json.charCodeAt(this.at) : -1;
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
    const unit = this.unit();
    if (unit !== MINUS && !isDigit(unit)) return;
    NUMBERS.lastIndex = this.at;
    if (NUMBERS.test(this.json)) this.at = NUMBERS.lastIndex;
  }

  private skipMember(): void {
    if (this.next() !== QUOTE) throw NO_FRAME;
    this.skipString();
    if (this.next() !== COLON) throw NO_FRAME;
    this.at++;
    this.skip();
  }

  private skipString(): void {
    const { json } = this;
    for (let i = this.at + 1; i < this.end; i++) {
      const unit = json.charCodeAt(i);
      if (unit === QUOTE) {
        this.at = i + 1;
        return;
      }
      if (unit < SPACE) throw NO_FRAME;
      if (unit === BACKSLASH) {
        const length = escapeLength(json, i + 1);
        if (length === 0) throw NO_FRAME;
        i += length;
      }
    }
    throw NO_FRAME;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
