/** Rules over several fields of a ModelRoute. */
import { DEFAULT_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import { matchRules } from './match-rules.ts';
import { formatPath } from './problem.ts';
import { firstByteInTime } from './retry.ts';
import { findRepeated, looseList, looseObject, type Rule } from './rules.ts';
import { variantMatchRules } from './variant-match-rules.ts';
import { variantReferenceRules } from './variant-references.ts';

const uniqueHostnames: Rule = (spec, add) => {
  const hostnames = Array.isArray(spec['hostnames']) ? spec['hostnames'] : [];
  const entries = hostnames.map((text, index) => ({ text, keys: ['hostnames', index] }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same host name as ${formatPath(first)}: remove one`);
  });
};

/** Each name and alias may stand only once in the route, or once for each version. */
const uniqueModels: Rule = (spec, add) => {
  const entries = looseList(spec['models']).flatMap((model, index) => {
    const aliases = Array.isArray(model['aliases']) ? model['aliases'] : [];
    const { version = '' } = model;
    const versioned = (name: unknown) =>
      typeof name === 'string' && typeof version === 'string' ? `${name}\0${version}` : null;
    return [
      { text: versioned(model['name']), keys: ['models', index, 'name'] },
      ...aliases.map((name, at) => ({
        text: versioned(name),
        keys: ['models', index, 'aliases', at],
      })),
    ];
  });
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same model name as ${formatPath(first)}: remove one`);
  });
};

const uniqueVariants: Rule = (spec, add) => {
  const entries = looseList(spec['variants']).map(({ name }, index) => ({
    text: name,
    keys: ['variants', index, 'name'],
  }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same name as ${formatPath(first)}: rename one`);
  });
};

/** The words of rules that the API server checks too. */
export const SOME_WEIGHT =
  'at least one weight must be above 0; to switch the route off set disabled';
export const SOME_STICKINESS = 'must have header, bodyField, or both';

const someWeight: Rule = (spec, add) => {
  const variants = looseList(spec['variants']);
  if (variants.length === 0 || variants.some(({ weight }) => weight !== 0)) return;
  add(['variants'], SOME_WEIGHT);
};

const someStickiness: Rule = (spec, add) => {
  const { sticky } = spec;
  if (typeof sticky !== 'object' || sticky === null || Array.isArray(sticky)) return;
  if ('header' in sticky || 'bodyField' in sticky) return;
  add(['sticky'], SOME_STICKINESS);
};

/** A call that many requests share must not outlast any of them. */
const batchEndsInTime: Rule = (spec, add) => {
  const batchMs = looseObject(spec['batching'])['timeoutMs'];
  const routeMs = spec['timeoutMs'] ?? DEFAULT_TIMEOUT_MS;
  if (typeof batchMs !== 'number' || typeof routeMs !== 'number' || batchMs <= routeMs) return;
  add(['batching', 'timeoutMs'], `must be at most timeoutMs, ${routeMs}; got ${batchMs}`);
};

export const modelRouteRules: readonly Rule[] = [
  uniqueHostnames,
  uniqueModels,
  ...matchRules,
  uniqueVariants,
  someWeight,
  someStickiness,
  ...variantMatchRules,
  ...variantReferenceRules,
  firstByteInTime,
  batchEndsInTime,
];
