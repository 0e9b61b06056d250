/** Which backend each variant of a route means, and what is wrong where it means none. */
import type { ModelBackend, ModelRoute } from '../api/kinds.ts';
import { type FieldPath, type Problem, problem } from '../api/problem.ts';
import { nameOf } from './names.ts';

export type ReferenceReason =
  | 'BackendNotFound'
  | 'InvalidBackend'
  | 'RefNotPermitted'
  | 'UnsupportedProtocol'
  | 'UnsupportedValue';

export interface ReferenceProblem extends Problem {
  readonly condition: ReferenceReason;
}

export interface ResolvedVariant {
  readonly name: string;
  readonly weight: number;
  /** Where it is not the backend's own. */
  readonly servedModel: string | undefined;
  readonly backend: ModelBackend;
}

export interface References {
  readonly variants: readonly ResolvedVariant[];
  readonly problems: readonly ReferenceProblem[];
}

/** By `namespace/name`; null: there is such an object, but no version of it was ever good. */
export type Backends = ReadonlyMap<string, ModelBackend | null>;

export function resolveReferences(route: ModelRoute, backends: Backends): References {
  const variants: ResolvedVariant[] = [];
  const problems: ReferenceProblem[] = [];
  route.spec.variants.forEach(({ name, weight, servedModel, backendRef }, index) => {
    const keys = ['spec', 'variants', index, 'backendRef'];
    const backend = resolve(route, backendRef, keys, backends);
    if ('condition' in backend) {
      problems.push(backend);
      return;
    }
    const first = variants[0]?.backend.spec.protocol ?? backend.spec.protocol;
    if (backend.spec.protocol === first) {
      const served = servedModel ?? impliedModel(route, backend);
      const own = served === backend.spec.model?.name;
      variants.push({ name, weight, servedModel: own ? undefined : served, backend });
    } else {
      const reason = `speaks ${backend.spec.protocol}, and the variants before it ${first}`;
      const fix = 'all variants of a route need one protocol';
      problems.push(wrong('UnsupportedProtocol', keys, `${reason}: ${fix}`));
    }
  });
  problems.push(...batchingProblems(route, variants), ...aliasProblems(route, variants));
  return { variants, problems };
}

function resolve(
  { metadata }: ModelRoute,
  ref: ModelRoute['spec']['variants'][number]['backendRef'],
  keys: FieldPath,
  backends: Backends,
): ModelBackend | ReferenceProblem {
  const namespace = ref.namespace ?? metadata.namespace;
  const name = nameOf({ namespace, name: ref.name });
  if (namespace !== metadata.namespace) {
    const reason =
      `must be in the route's namespace ${metadata.namespace}; got ${name}: ` +
      'references to other namespaces need a ReferenceGrant, which is not supported yet';
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

function batchingProblems(
  { spec }: ModelRoute,
  variants: readonly ResolvedVariant[],
): ReferenceProblem[] {
  const protocol = variants[0]?.backend.spec.protocol;
  if (spec.batching === undefined || protocol === undefined) return [];
  if (protocol === 'OpenInference') return [];
  const reason = `joins requests of OpenInference only, and the backends speak ${protocol}: remove it`;
  return [wrong('UnsupportedProtocol', ['spec', 'batching'], reason)];
}

/** An alias is the mesh's word: a backend that says no name of its own knows the model's first one. */
function impliedModel({ spec }: ModelRoute, backend: ModelBackend): string | undefined {
  const [model, ...others] = spec.models;
  if (backend.spec.model !== undefined || model === undefined || others.length > 0)
    return undefined;
  return model.aliases.length > 0 ? model.name : undefined;
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
  const reason =
    `of a route with several models reach variant ${unnamed.name} as they are, because neither its ` +
    'servedModel nor its backend says a model name: give one, or make a route for each model';
  return [wrong('UnsupportedValue', ['spec', 'models', index, 'aliases'], reason)];
}

function wrong(condition: ReferenceReason, keys: FieldPath, reason: string): ReferenceProblem {
  return { ...problem(keys, reason), condition };
}
