/**
 * Tells whether a text came before, lately: a full cache has no room for what comes once (the doorkeeper of TinyLFU).
 *
 * One bit for each text, by its hash. Once as many texts came as the cache has entries, all are forgotten: then a text has to come
 * twice among so many. Two texts may share a bit, of eight there are for each: then one is let in that came once.
 */
const BITS_EACH = 8;

export class Doorkeeper {
  private readonly bits: Uint32Array;
  private readonly mask: number;
  private met = 0;

  /** @param texts after so many different ones all are forgotten */
  constructor(private readonly texts: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(32, texts * BITS_EACH)));
    this.bits = new Uint32Array(size / 32);
    this.mask = size - 1;
  }

  /** Whether this text came before; from now on it has. @param salt tells apart those who share a doorkeeper */
  knows(text: string, salt: number): boolean {
    const at = hashOf(text, salt) & this.mask;
    const bit = 1 << (at & 31);
    const word = this.bits[at >>> 5]!;
    if (word & bit) return true;
    if (this.met === this.texts) {
      this.bits.fill(0);
      this.met = 0;
    }
    this.bits[at >>> 5]! |= bit;
    this.met++;
    return false;
  }
}

/** FNV-1a, with its bits mixed once more: the lowest of them count. */
function hashOf(text: string, salt: number): number {
  let hash = Math.imul(0x811c9dc5 ^ salt, 0x01000193);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 7;
}
