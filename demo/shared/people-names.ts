/** Names for those who come: no two windows of a page get the same. */

const NAMES = [
  'Ada',
  'Ben',
  'Cleo',
  'Dario',
  'Edda',
  'Finn',
  'Grace',
  'Hugo',
  'Ines',
  'Jonas',
  'Kira',
  'Linus',
  'Mina',
  'Noor',
  'Otto',
  'Pia',
  'Quinn',
  'Rosa',
  'Sami',
  'Tove',
  'Uma',
  'Vito',
  'Wanda',
  'Yara',
  'Zeno',
];

/** A name nobody of `taken` has; of another colour than theirs, while there is one. */
export function freeName(taken: readonly string[]): string {
  const free = NAMES.filter((name) => !taken.includes(name));
  const tones = taken.map(toneOf);
  const distinct = free.filter((name) => !tones.includes(toneOf(name)));
  const names = distinct.length > 0 ? distinct : free;
  return names[Math.floor(Math.random() * names.length)] ?? `Guest ${taken.length + 1}`;
}

const TONES = 8;

/** The same person has the same colour in all windows: one of the eight series colours. */
export function toneOf(name: string): string {
  let sum = NAMES.indexOf(name);
  if (sum < 0) for (const character of name) sum = (sum * 31 + character.codePointAt(0)!) % 997;
  return `tone-${(Math.abs(sum) % TONES) + 1}`;
}
