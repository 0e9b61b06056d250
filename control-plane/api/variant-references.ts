/** Where a ModelRoute names one of its variants, there must be one of that name. */
import { shown } from './fields.ts';
import { type FieldPath, formatPath } from './problem.ts';
import { findRepeated, type Loose, looseList, looseObject, type Rule } from './rules.ts';

const MAX_LISTED = 8;

const knownVariants: Rule = (spec, add) => {
  const names = new Set(looseList(spec['variants']).map(({ name }) => name));
  const known = [...names].filter((name) => typeof name === 'string');
  if (known.length === 0) return;
  const more = known.length > MAX_LISTED ? `, and ${known.length - MAX_LISTED} more` : '';
  const listed = known.slice(0, MAX_LISTED).map(shown).join(', ');
  for (const { name, keys } of referencesOf(spec)) {
    if (typeof name !== 'string' || names.has(name)) continue;
    add(keys, `must be a variant of the route: ${listed}${more}; got ${shown(name)}`);
  }
};

const uniqueFallbacks: Rule = (spec, add) => {
  const entries = fallbacksOf(spec).map(({ name, keys }) => ({ text: name, keys }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same variant as ${formatPath(first)}: remove one`);
  });
};

export const variantReferenceRules: readonly Rule[] = [knownVariants, uniqueFallbacks];

interface Reference {
  readonly name: unknown;
  readonly keys: FieldPath;
}

function referencesOf(spec: Loose): Reference[] {
  const matches = looseList(spec['variantMatches']).map(({ variant }, index) => ({
    name: variant,
    keys: ['variantMatches', index, 'variant'],
  }));
  const { variant } = looseObject(spec['shadow']);
  return [...matches, ...fallbacksOf(spec), { name: variant, keys: ['shadow', 'variant'] }];
}

function fallbacksOf(spec: Loose): Reference[] {
  const { variants } = looseObject(spec['fallback']);
  if (!Array.isArray(variants)) return [];
  return variants.map((name, index) => ({ name, keys: ['fallback', 'variants', index] }));
}
