/** Istio: what is installed, what it can be told, and which namespaces are opted in. */
import { discoverCapabilities } from '../../istio/live/capabilities.ts';
import { type MeshNamespace, meshNamespaceOf } from '../../istio/live/namespaces.ts';
import type { KubeApi } from '../../kube/api.ts';
import { type Listed, list } from './asking.ts';
import { type Finding, note, ok, problem } from './finding.ts';

export interface IstioState {
  /** Whether its kinds are there. */
  readonly isInstalled: boolean;
  readonly findings: readonly Finding[];
}

export async function istioState(api: KubeApi, rootNamespace: string): Promise<IstioState> {
  const capabilities = await discoverCapabilities(api);
  const { kinds, waypointFilters, extensionKind } = capabilities;
  if (kinds.size === 0) {
    const message = 'no kinds of it: serve --istio would have nobody to tell';
    return { isInstalled: false, findings: [note('Istio', message)] };
  }
  const revisions = await revisionsOf(api, rootNamespace);
  const findings = [
    ...revisionFindings(revisions, rootNamespace),
    await versionFinding(api, rootNamespace),
    ...kindFindings(kinds),
    waypointFilters
      ? ok('Istio', 'EnvoyFilters can be for waypoints')
      : note(
          'Istio',
          'EnvoyFilters cannot be for waypoints: ambient callers are not routed',
          'upgrade it to 1.29 or newer',
        ),
    ok(
      'Istio',
      `modules come by EnvoyFilter, since ${extensionKind ?? 'no kind of extensions'} cannot let a filter wait for a body`,
    ),
    ...(await namespaceFindings(api, revisions)),
  ];
  return { isInstalled: true, findings };
}

/** Null: nobody knows. */
async function revisionsOf(api: KubeApi, namespace: string): Promise<string[] | null> {
  const services = await list<Listed>(
    api,
    `/api/v1/namespaces/${namespace}/services?labelSelector=app%3Distiod`,
  );
  if (services === null) return null;
  return services.map(({ metadata }) => metadata.labels?.['istio.io/rev'] ?? 'default').toSorted();
}

function revisionFindings(revisions: readonly string[] | null, namespace: string): Finding[] {
  if (revisions === null) return [note('Istio', `Services of ${namespace} may not be read`)];
  if (revisions.length === 0) {
    const fix = 'install it, or name its root namespace with --istio-namespace';
    return [problem('Istio', `its kinds are there, and no istiod in ${namespace}`, fix)];
  }
  return [ok('Istio', `istiod in ${namespace}, revision ${revisions.join(', ')}`)];
}

interface Deployment extends Listed {
  readonly spec?: {
    readonly template?: { readonly spec?: { readonly containers?: readonly { image?: string }[] } };
  };
}

async function versionFinding(api: KubeApi, namespace: string): Promise<Finding> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments?labelSelector=app%3Distiod`;
  const deployments = await list<Deployment>(api, path);
  const images = (deployments ?? []).map(({ spec }) => {
    const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
    return image.slice(image.lastIndexOf('/') + 1);
  });
  const known = [...new Set(images.filter((image) => image !== ''))];
  if (known.length === 0) {
    return note('Istio', 'its version is not known: no Deployment of istiod can be read');
  }
  return ok('Istio', `version ${known.join(', ')}`);
}

const NEEDED = ['EnvoyFilter', 'ServiceEntry', 'DestinationRule'];

function kindFindings(kinds: ReadonlySet<string>): Finding[] {
  const missing = NEEDED.filter((kind) => !kinds.has(kind));
  const routes = ['VirtualService', 'HTTPRoute'].filter((kind) => kinds.has(kind));
  const fix = "install Istio's base chart, 1.22 or newer";
  return [
    ...(missing.length > 0 ? [problem('Istio', `no ${missing.join(', ')}`, fix)] : []),
    routes.length > 0
      ? ok('Istio', `routes can be written as ${routes.join(' or ')}`)
      : problem('Istio', 'neither VirtualService nor HTTPRoute', fix),
  ];
}

async function namespaceFindings(
  api: KubeApi,
  revisions: readonly string[] | null,
): Promise<Finding[]> {
  const path = `/api/v1/namespaces?labelSelector=${encodeURIComponent('modelweir.dev/inject=true')}`;
  const namespaces = await list<Listed>(api, path);
  if (namespaces === null) return [note('namespaces', 'they may not be read')];
  if (namespaces.length === 0) {
    const fix = 'kubectl label namespace NAME modelweir.dev/inject=true';
    return [note('namespaces', 'none is opted in', fix)];
  }
  return namespaces.map(({ metadata: { name, labels = {} } }) =>
    namespaceFinding(meshNamespaceOf(name, labels), revisions),
  );
}

function namespaceFinding(
  { name, dataPlane, revision, waypoint }: MeshNamespace,
  revisions: readonly string[] | null,
): Finding {
  const about = 'namespaces';
  if (dataPlane === 'none') {
    const fix = `kubectl label namespace ${name} istio-injection=enabled, or label its pods`;
    return note(about, `${name} is opted in, and Istio does not inject it`, fix);
  }
  if (dataPlane === 'ambient' && waypoint === null) {
    const fix = `istioctl waypoint apply -n ${name} --enroll-namespace`;
    return problem(about, `${name} is ambient and has no waypoint: nobody reads a body`, fix);
  }
  const isKnown = revision === null || revisions === null || revisions.includes(revision);
  if (!isKnown) {
    // A tag is a name for a revision, which only Istio's webhooks know.
    const message = `${name} is injected by revision ${revision}, and no istiod has that name`;
    return note(about, message, 'istioctl tag list says whether it is a tag');
  }
  const by = dataPlane === 'sidecar' ? 'sidecars' : `waypoint ${waypoint}`;
  return ok(about, `${name}: ${by}${revision === null ? '' : `, revision ${revision}`}`);
}
