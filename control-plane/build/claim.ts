/** What a ModelRoute claims: its models at its hosts, on each of its conditions. */
import { shown } from '../api/fields.ts';
import type { ModelRoute } from '../api/kinds.ts';
import type { FieldPath } from '../api/problem.ts';
import type { Claim } from '../ir/mesh.ts';

/** Each claim with the field that makes it. */
export function claimsOf({ spec }: ModelRoute): { claim: Claim; keys: FieldPath }[] {
  const names = spec.models.flatMap(({ name, aliases, version }, index) => [
    { pattern: name, version, keys: ['spec', 'models', index, 'name'] },
    ...aliases.map((pattern, at) => ({
      pattern,
      version,
      keys: ['spec', 'models', index, 'aliases', at],
    })),
  ]);
  const conditions = conditionsOf(spec.matches);
  return spec.hostnames.flatMap((hostname) =>
    names.flatMap(({ pattern, version = null, keys }) => {
      const prefix = pattern.endsWith('*');
      const model = prefix ? pattern.slice(0, -1) : pattern;
      return conditions.map((condition) => ({
        claim: { hostname, model, prefix, version, ...condition },
        keys,
      }));
    }),
  );
}

type Condition = Pick<Claim, 'protocol' | 'headers'>;

/** One of these must hold. */
function conditionsOf(matches: ModelRoute['spec']['matches']): Condition[] {
  if (matches === undefined) return [{ protocol: null, headers: [] }];
  return matches.map(({ protocol = null, headers = [] }) => ({
    protocol,
    headers: headers
      .map(({ name, value }) => ({ name, value }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}

/** Equal for equal claims, and in the order in which claims are sorted. No part can hold a NUL. */
export function claimKey({ hostname, model, prefix, version, protocol, headers }: Claim): string {
  const parts = [hostname, model, prefix ? '*' : '', version ?? '', protocol ?? ''];
  return [...parts, ...headers.map(({ name, value }) => `${name}:${value}`)].join('\0');
}

const MAX_SHOWN_HEADERS = 3;

/** A claim as a user would say it. */
export function claimText({ hostname, model, prefix, version, protocol, headers }: Claim): string {
  const name = prefix && model === '' ? 'the default route, model *,' : `model ${model}`;
  const more = headers.length - MAX_SHOWN_HEADERS;
  const conditions = [
    ...(version === null ? [] : [`version ${version}`]),
    ...(protocol === null ? [] : [`protocol ${protocol}`]),
    ...headers
      .slice(0, MAX_SHOWN_HEADERS)
      .map(({ name, value }) => `header ${name} ${shown(value)}`),
    ...(more > 0 ? [`${more} more headers`] : []),
  ];
  const condition = conditions.length === 0 ? '' : `, with ${conditions.join(', ')},`;
  return `${name}${prefix && model !== '' ? '*' : ''} at host ${hostname}${condition}`;
}
