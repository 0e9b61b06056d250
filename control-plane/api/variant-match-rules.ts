/** Rules over the conditions on which a ModelRoute's requests go to one variant. */
import { type FieldPath, formatPath } from './problem.ts';
import { findRepeated, type Loose, looseList, type Rule } from './rules.ts';
import { networkOf } from './source-address.ts';

const CONDITIONS = ['headers', 'cookies', 'bodyFields', 'sourceAddresses'] as const;

export const SOME_VARIANT_CONDITION = `must have at least one of ${CONDITIONS.join(', ')}`;
export const NO_HOST_MATCH = 'must not be host: use spec.hostnames of a route of its own';
/** Conditions that hold one value each, what tells them apart, and what they are called. */
const VALUES = [
  ['headers', 'name', 'header'],
  ['cookies', 'name', 'cookie'],
  ['bodyFields', 'path', 'field'],
] as const;

/** An empty entry would be true of every request, silently. */
const someCondition: Rule = (spec, add) => {
  entriesOf(spec).forEach((match, index) => {
    if (typeof match !== 'object' || match === null || Array.isArray(match)) return;
    if (CONDITIONS.some((name) => name in match)) return;
    add(['variantMatches', index], SOME_VARIANT_CONDITION);
  });
};

/** One request cannot have two values in one place. */
const uniqueValues: Rule = (spec, add) => {
  looseList(spec['variantMatches']).forEach((match, index) => {
    for (const [list, key, what] of VALUES) {
      const entries = looseList(match[list]).map((entry, at) => ({
        text: entry[key],
        keys: ['variantMatches', index, list, at, key],
      }));
      findRepeated(entries, (keys, first) => {
        const fix = 'remove one, or give each an entry of its own';
        add(keys, `is the same ${what} as ${formatPath(first)}: ${fix}`);
      });
    }
  });
};

const uniqueAddresses: Rule = (spec, add) => {
  looseList(spec['variantMatches']).forEach((match, index) => {
    const entries = networksOf(match).map((text, at) => ({
      text,
      keys: ['variantMatches', index, 'sourceAddresses', at],
    }));
    findRepeated(entries, (keys, first) => {
      add(keys, `is the same network as ${formatPath(first)}: remove one`);
    });
  });
};

/** The later of two could never decide anything. */
const uniqueEntries: Rule = (spec, add) => {
  const entries = looseList(spec['variantMatches']).map((match, index) => ({
    text: conditionOf(match),
    keys: ['variantMatches', index] satisfies FieldPath,
  }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same condition as ${formatPath(first)}, which decides first: remove one`);
  });
};

/** Envoy turns the header `host` into what routes know as their host names. */
const noHost: Rule = (spec, add) => {
  looseList(spec['variantMatches']).forEach((match, index) => {
    looseList(match['headers']).forEach(({ name }, at) => {
      if (name !== 'host') return;
      const keys = ['variantMatches', index, 'headers', at, 'name'];
      add(keys, NO_HOST_MATCH);
    });
  });
};

export const variantMatchRules: readonly Rule[] = [
  someCondition,
  uniqueValues,
  uniqueAddresses,
  uniqueEntries,
  noHost,
];

function entriesOf(spec: Loose): readonly unknown[] {
  return Array.isArray(spec['variantMatches']) ? spec['variantMatches'] : [];
}

function networksOf(match: Loose): (string | null)[] {
  const addresses = match['sourceAddresses'];
  if (!Array.isArray(addresses)) return [];
  return addresses.map((text) => (typeof text === 'string' ? networkOf(text) : null));
}

/** Equal for equal conditions; null where the schema finds something wrong anyway. */
function conditionOf(match: Loose): string | null {
  const values = VALUES.map(([list, key]) =>
    looseList(match[list]).map((entry) => [entry[key], entry['value']]),
  );
  const networks = networksOf(match);
  const texts = [...values.flat(2), ...networks];
  if (texts.length === 0 || texts.some((text) => typeof text !== 'string')) return null;
  const sorted = values.map((pairs) => pairs.map((pair) => pair.join('\0')).toSorted());
  return JSON.stringify([...sorted, networks.toSorted()]);
}
