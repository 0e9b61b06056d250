/** Rules over the conditions of a ModelRoute. */
import { formatPath } from './problem.ts';
import { findRepeated, type Loose, looseList, type Rule } from './rules.ts';

/** Names times hosts times conditions of one route: each is an entry in the router's table. */
export const MAX_CLAIMS_OF_ROUTE = 100_000;

export const SOME_CONDITION = 'must have headers, protocol, or both';
export const NO_HOST = 'must not be host: use spec.hostnames';

/** An empty condition would say nothing, silently. */
const someCondition: Rule = (spec, add) => {
  entriesOf(spec).forEach((match, index) => {
    if (typeof match !== 'object' || match === null || Array.isArray(match)) return;
    if ('headers' in match || 'protocol' in match) return;
    add(['matches', index], SOME_CONDITION);
  });
};

const uniqueMatches: Rule = (spec, add) => {
  const entries = looseList(spec['matches']).map((match, index) => ({
    text: conditionOf(match),
    keys: ['matches', index],
  }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same condition as ${formatPath(first)}: remove one`);
  });
};

/** Two values of one header could never both be there. */
const uniqueHeaders: Rule = (spec, add) => {
  looseList(spec['matches']).forEach((match, index) => {
    const entries = looseList(match['headers']).map(({ name }, at) => ({
      text: name,
      keys: ['matches', index, 'headers', at, 'name'],
    }));
    findRepeated(entries, (keys, first) => {
      const fix = 'remove one, or give each a match of its own';
      add(keys, `is the same header as ${formatPath(first)}: ${fix}`);
    });
  });
};

/** Envoy turns the header `host` into what routes know as their host names. */
const noHost: Rule = (spec, add) => {
  looseList(spec['matches']).forEach((match, index) => {
    looseList(match['headers']).forEach(({ name }, at) => {
      if (name !== 'host') return;
      add(['matches', index, 'headers', at, 'name'], NO_HOST);
    });
  });
};

const claimsWithinLimit: Rule = (spec, add) => {
  const { hostnames, models } = spec;
  const hosts = Array.isArray(hostnames) ? hostnames.length : 1;
  const names = looseList(models).reduce((sum, { aliases }) => {
    return sum + 1 + (Array.isArray(aliases) ? aliases.length : 0);
  }, 0);
  const claims = hosts * names * entriesOf(spec).length;
  if (claims <= MAX_CLAIMS_OF_ROUTE) return;
  const what = `hostnames, names of models and matches make ${claims} combinations`;
  add(['matches'], `${what}, and at most ${MAX_CLAIMS_OF_ROUTE} may be in a route: split it`);
};

export const matchRules: readonly Rule[] = [
  someCondition,
  uniqueMatches,
  uniqueHeaders,
  noHost,
  claimsWithinLimit,
];

function entriesOf(spec: Loose): readonly unknown[] {
  return Array.isArray(spec['matches']) ? spec['matches'] : [];
}

/** Equal for equal conditions; null where the schema finds something wrong anyway. */
function conditionOf({ protocol = '', headers = [] }: Loose): string | null {
  const pairs = looseList(headers).map(({ name, value }) => [name, value]);
  const texts = [protocol, ...pairs.flat()];
  if (texts.some((text) => typeof text !== 'string') || texts.join('') === '') return null;
  return JSON.stringify([protocol, pairs.map((pair) => pair.join(':')).toSorted()]);
}
