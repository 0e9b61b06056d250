/** Which backend each variant of a route means, and what is wrong where it means none. */
import type { ModelBackend, ModelRoute } from '../api/kinds.ts';
import type { Batching } from '../api/model-route.ts';
import { type FieldPath, problem } from '../api/problem.ts';
import type { VariantMatch } from '../api/variant-matches.ts';
import type { Protocol } from '../ir/mesh.ts';
import { bodyFieldProblems, isReadable } from './body-fields.ts';
import { type Cluster, isGranted } from './cluster.ts';
import { nameOf } from './names.ts';
import { type Reach, reachOf } from './reach.ts';
import type { ReferenceProblem, ReferenceReason } from './reference-problem.ts';

export interface ResolvedVariant {
  readonly name: string;
  readonly weight: number;
  /** Where it is not the backend's own. */
  readonly servedModel: string | undefined;
  readonly backend: ModelBackend;
  readonly reach: Reach;
}

export interface References {
  readonly variants: readonly ResolvedVariant[];
  readonly problems: readonly ReferenceProblem[];
  /** Null also where the mesh has no room to read it. */
  readonly stickyField: string | null;
  /** Those that can be told, of variants that have a backend. */
  readonly matches: readonly VariantMatch[];
}

/** By `namespace/name`; null: there is such an object, but no version of it was ever good. */
export type Backends = ReadonlyMap<string, ModelBackend | null>;

/** What a route finds around it. */
export interface Surroundings {
  readonly backends: Backends;
  /** Fields of bodies that the mesh has room to read. */
  readonly fields: ReadonlySet<string>;
  readonly cluster: Cluster;
}

export function resolveReferences(
  route: ModelRoute,
  { backends, fields, cluster }: Surroundings,
): References {
  const variants: ResolvedVariant[] = [];
  const problems: ReferenceProblem[] = [];
  route.spec.variants.forEach(({ name, weight, servedModel, backendRef }, index) => {
    const keys = ['spec', 'variants', index, 'backendRef'];
    const backend = resolve(route, backendRef, keys, { backends, cluster });
    if ('condition' in backend) {
      problems.push(backend);
      return;
    }
    const first = variants[0]?.backend.spec.protocol ?? backend.spec.protocol;
    if (backend.spec.protocol === first) {
      const served = servedModel ?? impliedModel(route, backend);
      const own = served === backend.spec.model?.name;
      variants.push({
        ...{ name, weight, backend },
        servedModel: own ? undefined : served,
        reach: reachOf(backend, cluster),
      });
    } else {
      const reason = `speaks ${backend.spec.protocol}, and the variants before it ${first}`;
      const fix = 'all variants of a route need one protocol';
      problems.push(wrong('UnsupportedProtocol', keys, `${reason}: ${fix}`));
    }
  });
  const protocol = variants[0]?.backend.spec.protocol;
  problems.push(
    ...batchingProblems(route, variants),
    ...bodyFieldProblems(route, protocol, fields),
    ...aliasProblems(route, variants),
  );
  const field = route.spec.sticky?.bodyField;
  const known = new Set(variants.map(({ name }) => name));
  return {
    variants,
    problems,
    stickyField: field && fields.has(field) ? field : null,
    matches: (route.spec.variantMatches ?? []).filter(
      (match) => known.has(match.variant) && isReadable(match, protocol, fields),
    ),
  };
}

function resolve(
  { metadata }: ModelRoute,
  ref: ModelRoute['spec']['variants'][number]['backendRef'],
  keys: FieldPath,
  { backends, cluster }: Pick<Surroundings, 'backends' | 'cluster'>,
): ModelBackend | ReferenceProblem {
  const namespace = ref.namespace ?? metadata.namespace;
  const name = nameOf({ namespace, name: ref.name });
  const from = { kind: 'ModelRoute', namespace: metadata.namespace };
  const to = { kind: 'ModelBackend', namespace, name: ref.name };
  if (namespace !== metadata.namespace && !isGranted(cluster.grants, from, to)) {
    const reason =
      `is not the route's own, and no ReferenceGrant in namespace ${namespace} lets ModelRoutes of ` +
      `namespace ${metadata.namespace} refer to ModelBackend ${ref.name}: ask its owner for one`;
    return wrong('RefNotPermitted', [...keys, 'namespace'], reason);
  }
  const backend = backends.get(name);
  if (backend === undefined) {
    const reason = `ModelBackend ${name} does not exist: create it, or correct the name`;
    return wrong('BackendNotFound', [...keys, 'name'], reason);
  }
  if (backend === null) {
    return wrong(
      'InvalidBackend',
      [...keys, 'name'],
      `ModelBackend ${name} is not valid: see there`,
    );
  }
  return backend;
}

/** To join gRPC requests costs each answer more: whoever wants it has to say so. */
export function joinsRequests(protocol: Protocol, batching: Batching): boolean {
  return protocol !== 'OpenInferenceGRPC' || batching.grpc;
}

function batchingProblems(
  { spec }: ModelRoute,
  variants: readonly ResolvedVariant[],
): ReferenceProblem[] {
  const protocol = variants[0]?.backend.spec.protocol;
  if (spec.batching === undefined || protocol === undefined) return [];
  if (joinsRequests(protocol, spec.batching)) return [];
  const reason = `is for HTTP, and the backends speak ${protocol}: set its grpc to true, or remove it`;
  return [wrong('UnsupportedProtocol', ['spec', 'batching'], reason)];
}

/**
 * An alias is the mesh's word: a backend that says no name of its own knows the model's first one. That
 * must be a single one: neither one of several, nor a beginning of names.
 */
function impliedModel({ spec }: ModelRoute, backend: ModelBackend): string | undefined {
  const names = new Set(spec.models.map(({ name }) => name));
  const [name] = names;
  if (backend.spec.model !== undefined || names.size !== 1 || name?.endsWith('*')) return undefined;
  return spec.models.some(({ aliases }) => aliases.length > 0) ? name : undefined;
}

function aliasProblems(
  { spec }: ModelRoute,
  variants: readonly ResolvedVariant[],
): ReferenceProblem[] {
  const index = spec.models.findIndex(({ aliases }) => aliases.length > 0);
  if (index < 0) return [];
  const unnamed = variants.find(
    ({ servedModel, backend }) => servedModel === undefined && backend.spec.model === undefined,
  );
  if (unnamed === undefined) return [];
  const isPattern = spec.models[index]?.name.endsWith('*');
  const reason =
    `of a ${isPattern ? 'model with *' : 'route with several models'} reach variant ${unnamed.name} ` +
    'as they are, because neither its servedModel nor its backend says a model name: give one, or ' +
    `make ${isPattern ? 'each alias a model' : 'a route for each model'}`;
  return [wrong('UnsupportedValue', ['spec', 'models', index, 'aliases'], reason)];
}

function wrong(condition: ReferenceReason, keys: FieldPath, reason: string): ReferenceProblem {
  return { ...problem(keys, reason), condition };
}
