/**
 * What shall be written, and what stands in the way: the translation, less what would touch other people's
 * routes, and what this cluster does not know. Pure.
 */
import type { Mesh } from '../../ir/mesh.ts';
import type { CachedObject } from '../../kube/object-cache.ts';
import type { WantedObject } from '../../kube/object-plan.ts';
import type { Capabilities } from './capabilities.ts';
import { type Conflict, conflicts } from './conflicts.ts';
import type { MeshNamespace } from './namespaces.ts';
import { neededHosts } from './needed-hosts.ts';
import type { IstioSettings, MeshProblem, TranslateMesh, Translation } from './settings.ts';
import { hiddenHosts } from './sidecar-egress.ts';
import type { SplitterRevision } from './splitter-revision.ts';

export interface MeshState {
  readonly namespaces: readonly MeshNamespace[];
  readonly capabilities: Capabilities;
  /** All objects of the kinds that are written, and all Sidecars. */
  readonly objects: readonly CachedObject[];
  /** Whether the cluster has an object as it is wanted. */
  isPresent(object: WantedObject): boolean;
}

export function wantedObjects(
  mesh: Mesh,
  state: MeshState,
  settings: IstioSettings,
  translate: TranslateMesh,
  revisions: SplitterRevision,
): Translation {
  const { mode, revision, clusterDomain } = settings;
  const { capabilities, namespaces } = state;
  if (mode === 'off') return { objects: [], kept: [], problems: [] };
  const ours = namespaces.filter((one) => isOurs(one, revision));
  const callers = ours.map(({ name }) => name);
  const rivals = { clusterDomain, callers };
  const context = { mode, revision, namespaces: ours, capabilities, splitterRevision: 0 };

  const first = translate(mesh, { ...context, takenHosts: [], takenDestinations: [] });
  const taken = conflicts(first.objects, state.objects, rivals);
  const spared = {
    takenHosts: hostsOf(taken.filter(isRoute)),
    takenDestinations: hostsOf(taken.filter((one) => !isRoute(one))),
  };
  const { objects, kept, problems } = revisions.choose(
    (splitterRevision) => translate(mesh, { ...context, ...spared, splitterRevision }),
    (object) => state.isPresent(object),
  );

  const inTheWay = new Set(conflicts(objects, state.objects, rivals).map(({ wanted }) => wanted));
  const known = objects.filter(({ kind }) => capabilities.kinds.has(kind));
  return {
    objects: known.filter((one) => !inTheWay.has(one)),
    kept,
    problems: [
      ...problems,
      ...taken.map((one) => conflictProblem(one, mesh)),
      ...missingKinds(objects, capabilities),
      ...callerProblems(ours, namespaces, revision),
      ...hiddenProblems(known, mesh, state, settings, callers),
    ].toSorted(byRoute),
  };
}

/** A namespace of another revision's proxies does not read what is for ours. */
function isOurs(namespace: MeshNamespace, revision: string | null): boolean {
  return revision === null || namespace.revision === null || namespace.revision === revision;
}

/** Sorted, each once. */
function hostsOf(taken: readonly Conflict[]): string[] {
  return [...new Set(taken.map(({ host }) => host))].toSorted();
}

function isRoute({ wanted }: Conflict): boolean {
  return wanted.kind === 'VirtualService' || wanted.kind === 'HTTPRoute';
}

function conflictProblem(conflict: Conflict, mesh: Mesh): MeshProblem {
  const { host, wanted, other } = conflict;
  const name = `${other.kind} ${other.namespace}/${other.name}`;
  const problem = isRoute(conflict)
    ? `${name} routes ${host} already, since ${other.creationTimestamp}: it stays, and requests to ${host} are left alone. Move its rules into a ModelRoute, or delete it`
    : `${name} sets the rules for ${host} already: it stays, and ours are left out`;
  return {
    route: routeOf(wanted, mesh),
    reason: isRoute(conflict) ? 'HostTaken' : 'DestinationTaken',
    message: problem,
    isPartial: !isRoute(conflict),
  };
}

/** Null: it is about none of them, or about several. */
function routeOf(object: WantedObject, mesh: Mesh): string | null {
  const found = routesIn(object, mesh);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Names of the routes that an object is about: their variants are named in it, as `route/variant`. */
export function routesIn(object: WantedObject, mesh: Mesh): string[] {
  const text = JSON.stringify(object.spec);
  return mesh.routes.map(({ name }) => name).filter((name) => text.includes(`${name}/`));
}

function missingKinds(objects: readonly WantedObject[], { kinds }: Capabilities): MeshProblem[] {
  const missing = [...new Set(objects.map(({ kind }) => kind))].filter((kind) => !kinds.has(kind));
  return missing.toSorted().map((kind) => ({
    route: null,
    reason: 'KindNotInstalled',
    message: `the cluster does not serve ${kind} in the version that is written: install Istio's CRDs (1.22 or newer)`,
    isPartial: false,
  }));
}

function callerProblems(
  ours: readonly MeshNamespace[],
  all: readonly MeshNamespace[],
  revision: string | null,
): MeshProblem[] {
  const about = (reason: string, message: string, isPartial: boolean): MeshProblem => {
    return { route: null, reason, message, isPartial };
  };
  if (all.length === 0) {
    const message = 'no namespace has the label modelweir.dev/inject=true: label those that call';
    return [about('NoNamespace', message, false)];
  }
  const others = all.filter((one) => !ours.includes(one));
  const without = ours.filter(({ dataPlane }) => dataPlane === 'none');
  const hasCallers = ours.length > without.length;
  return [
    ...others.map(({ name, revision: its }) => {
      const message = `namespace ${name} belongs to Istio's revision ${its}, and --istio-revision is ${revision}`;
      return about('OtherRevision', message, ours.length > 0);
    }),
    ...without.map(({ name }) => {
      const message = `Istio does not inject namespace ${name}: label it istio-injection=enabled, or its pods`;
      return about('NotInjected', message, hasCallers);
    }),
  ];
}

function hiddenProblems(
  objects: readonly WantedObject[],
  mesh: Mesh,
  state: MeshState,
  { clusterDomain, rootNamespace }: IstioSettings,
  callers: readonly string[],
): MeshProblem[] {
  const sidecars = state.objects.filter(({ kind }) => kind === 'Sidecar');
  if (sidecars.length === 0) return [];
  return objects.flatMap((object) => {
    const needed = neededHosts([object, ...objects.filter(isEntry)], clusterDomain);
    if (needed.length === 0) return [];
    const hidden = callers.map((caller) => hiddenHosts(caller, needed, sidecars, rootNamespace));
    const isPartial = hidden.some((one) => one.length === 0);
    return hidden.flat().flatMap(({ caller, host, sidecar, namespace }) =>
      routesIn(object, mesh).map((route) => ({
        ...{ route, isPartial },
        reason: 'HiddenBySidecar',
        message: `Sidecar ${sidecar} hides ${host} from namespace ${caller}, so its requests there get 503: add "${namespace}/${host}" to its egress hosts`,
      })),
    );
  });
}

function isEntry({ kind }: WantedObject): boolean {
  return kind === 'ServiceEntry';
}

function byRoute(a: MeshProblem, b: MeshProblem): number {
  const [one, other] = [a, b].map(({ route, reason, message }) => `${route} ${reason} ${message}`);
  return (one ?? '') < (other ?? '') ? -1 : 1;
}
