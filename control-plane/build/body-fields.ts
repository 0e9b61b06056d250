/** Which fields of bodies the mesh reads: one configuration has room for so many, and no more. */
import { MAX_BODY_FIELDS } from '../../filters/contract/limits.ts';
import type { ModelBackend, ModelRoute } from '../api/kinds.ts';
import { type FieldPath, problem } from '../api/problem.ts';
import type { VariantMatch } from '../api/variant-matches.ts';
import { byAge } from './age.ts';
import type { ReferenceProblem } from './reference-problem.ts';

type Protocol = ModelBackend['spec']['protocol'];

/** The fields that the oldest routes want, as many as there is room for. */
export function readFields(routes: readonly ModelRoute[]): ReadonlySet<string> {
  const wanted = routes.toSorted(byAge).flatMap(({ spec }) => wantedFields(spec));
  return new Set([...new Set(wanted)].slice(0, MAX_BODY_FIELDS));
}

/** Within a route, what keeps clients on their variants comes first. */
function wantedFields({ sticky, variantMatches = [] }: ModelRoute['spec']): string[] {
  const matched = variantMatches.flatMap(({ bodyFields = [] }) => bodyFields);
  return [...(sticky?.bodyField === undefined ? [] : [sticky.bodyField]), ...matched.map(pathOf)];
}

/** Whether all that a condition asks for can be read, in bodies of a protocol. */
export function isReadable(
  { bodyFields = [] }: VariantMatch,
  protocol: Protocol | undefined,
  fields: ReadonlySet<string>,
): boolean {
  return bodyFields.every(({ path }) => fields.has(path) && isJson(protocol));
}

/** What a route wants of bodies and does not get. `protocol`: undefined where no backend is known. */
export function bodyFieldProblems(
  { spec }: ModelRoute,
  protocol: Protocol | undefined,
  fields: ReadonlySet<string>,
): ReferenceProblem[] {
  const sticky = spec.sticky?.bodyField;
  const keys = ['spec', 'sticky', 'bodyField'];
  const matched = (spec.variantMatches ?? []).flatMap(({ bodyFields = [] }, index) =>
    bodyFields.map(({ path }, at) => ({
      path,
      keys: ['spec', 'variantMatches', index, 'bodyFields', at, 'path'],
      instead: 'headers or cookies',
    })),
  );
  const wanted = sticky === undefined ? [] : [{ path: sticky, keys, instead: 'sticky.header' }];
  return [...wanted, ...matched].flatMap(({ path, keys, instead }) =>
    fieldProblem({ readable: fields.has(path), protocol, keys, instead }),
  );
}

interface WantedField {
  readonly readable: boolean;
  readonly protocol: Protocol | undefined;
  readonly keys: FieldPath;
  /** What can be used where a field cannot. */
  readonly instead: string;
}

function fieldProblem({ readable, protocol, keys, instead }: WantedField): ReferenceProblem[] {
  if (!readable) {
    const reason = `is one of more than ${MAX_BODY_FIELDS} different fields of all routes, which is all that the router reads: use one of theirs, or ${instead}`;
    return [{ ...problem(keys, reason), condition: 'UnsupportedValue' }];
  }
  if (isJson(protocol)) return [];
  const reason = `is read in JSON bodies, and the backends speak ${protocol}: use ${instead}`;
  return [{ ...problem(keys, reason), condition: 'UnsupportedProtocol' }];
}

function isJson(protocol: Protocol | undefined): boolean {
  return protocol !== 'OpenInferenceGRPC';
}

function pathOf({ path }: { readonly path: string }): string {
  return path;
}
