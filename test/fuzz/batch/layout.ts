/** Random ways to write the same JSON: blanks, and the order of keys. */
import type { Random } from '../../harness/random-json.ts';
import { pick } from '../mutated.ts';

const BLANKS = [' ', '\n', '\t ', ' \r\n  '];
const NUMBERS = ['0', '-0', '1', '12.5', '-3.25e-7', '1E+3', '4e5', '0.10', '255', '1.0'];
const STRINGS = ['', 'a', '"],["', '\\"},{', '\\', 'é , ]', 'ü😀', '\n', '\u2028'];

export function blank(random: Random): string {
  return random(4) > 0 ? '' : pick(BLANKS, random);
}

export function listText(random: Random, parts: readonly string[]): string {
  return `[${parts.map((part) => blank(random) + part + blank(random)).join(',')}]`;
}

/** Fields in any order; those without a value are left out. */
export function objectText(
  random: Random,
  fields: Readonly<Record<string, string | undefined>>,
): string {
  const parts = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return `${blank(random)}${JSON.stringify(key)}${blank(random)}:${blank(random)}${value}${blank(random)}`;
  });
  return `${blank(random)}{${shuffled(random, parts).join(',')}}${blank(random)}`;
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random(left.length), 1)[0] as T);
}

export function numberText(random: Random): string {
  return pick(NUMBERS, random);
}

export function stringText(random: Random): string {
  const plain = JSON.stringify(pick(STRINGS, random));
  return random(6) > 0 ? plain : `"\\u00e9\\/${plain.slice(1)}`;
}

/** Any value, with lists and objects in it. */
export function valueText(random: Random, depth = 0): string {
  const kind = random(depth < 3 ? 6 : 3);
  if (kind === 0) return pick(['true', 'false', 'null'], random);
  if (kind === 1) return numberText(random);
  if (kind === 2) return stringText(random);
  const values = Array.from({ length: random(4) }, () => valueText(random, depth + 1));
  if (kind < 5) return listText(random, values);
  return objectText(random, Object.fromEntries(values.map((value, i) => [`k${i}`, value])));
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
