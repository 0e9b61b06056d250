/** Random JSON bodies from a seed, written in more ways than JSON.stringify knows. */

export type Random = (bound: number) => number;

export interface RandomBody {
  readonly text: string;
  /** Values of its top-level keys that are `model`, case ignored, once one is exact; in order. */
  readonly models: readonly unknown[];
}

const KEYS = ['model', 'model', 'input', 'mode', 'models', 'x', '', 'messages', 'mödel', 'Xmodel'];
const STRINGS = [
  'a',
  'a string of more than sixteen bytes, grüße and "quotes" in it',
  'model',
  'llama-3:8b',
  '',
  'grüße',
  '😀',
  '"',
  '\\',
  '\n',
  'a/b',
  '{"',
  '\ud800',
];
const NUMBERS = ['0', '-0', '12', '-3.25', '1e5', '1E-2', '0.5e+10', '123456789'];

export function randomBody(next: Random): RandomBody {
  const entries: string[] = [];
  const models: unknown[] = [];
  const count = next(6);
  for (let i = 0; i < count; i++) {
    const key = pick(KEYS, next);
    const value = next(3) === 0 ? random(next, 0) : string(pick(STRINGS, next), next);
    if (key === 'model') models.push(JSON.parse(value));
    entries.push(`${space(next)}${string(key, next)}${space(next)}:${space(next)}${value}`);
  }
  const text = `${space(next)}{${entries.join(`${space(next)},`)}${space(next)}}${space(next)}`;
  return { text, models };
}

/** The text with a few characters removed, doubled, or replaced by ones that matter in JSON. */
export function mutated(text: string, next: Random): string {
  let out = text;
  for (let i = 0; i <= next(3); i++) {
    const at = next(out.length + 1);
    const insert =
      next(2) === 0 ? pick(['"', '\\', ',', ':', '{', '}', '[', ']', '0', 'e'], next) : '';
    out = out.slice(0, at) + insert + out.slice(at + next(2));
  }
  return out.toWellFormed();
}

function random(next: Random, depth: number): string {
  const kind = next(depth < 4 ? 7 : 5);
  if (kind === 0) return pick(['true', 'false', 'null'], next);
  if (kind <= 2) return pick(NUMBERS, next);
  if (kind <= 4) return string(pick(STRINGS, next), next);
  const items = Array.from({ length: next(4) }, () => {
    const value = `${space(next)}${random(next, depth + 1)}${space(next)}`;
    return kind === 5 ? value : `${space(next)}${string(pick(KEYS, next), next)}:${value}`;
  });
  const inner = items.join(',') || space(next);
  return kind === 5 ? `[${inner}]` : `{${inner}}`;
}

/** A JSON string with some of its characters escaped that need not be. */
function string(text: string, next: Random): string {
  let out = '';
  for (const character of text) {
    const plain = JSON.stringify(character).slice(1, -1);
    out += next(6) === 0 ? escaped(character) : plain;
  }
  return `"${out}"`;
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function space(next: Random): string {
  return next(4) === 0 ? pick([' ', '\n', '\t', '\r\n', '  '], next) : '';
}

function pick<T>(items: readonly T[], next: Random): T {
  return items[next(items.length)] as T;
}
