/** The same as a VirtualService in the words of the Gateway API, for meshes that use these alone. */
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER_HEADER, REQUEST_HEADERS_OF_FILTERS } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import type { Targets } from '../xds/targets.ts';
import { type Destination, destinationOf, variantKey } from './destinations.ts';
import { type IstioObject, istioObject, nameFrom } from './objects.ts';
import type { IstioOptions } from './options.ts';
import type { RoutedHost } from './routed-hosts.ts';
import { splitName } from './service-names.ts';

/** Whatever becomes of the filters, nobody behind the proxy sees what they write. */
const STRIP = {
  type: 'RequestHeaderModifier',
  requestHeaderModifier: { remove: [...REQUEST_HEADERS_OF_FILTERS] },
};
/** A rule may have so many matches, and a route so many rules. */
const MAX_RULES = 16;

/** One for each port, and more where it has too many variants; none for a host that is no Service. */
export function httpRoutes(
  { service, ports, routes }: RoutedHost,
  targets: Targets,
  options: IstioOptions,
): IstioObject[] {
  if (service === null) return [];
  const { namespace, name } = splitName(service.name);
  const rules = routes.flatMap((route) =>
    route.variants.map((variant) => variantRule(route, variant, { targets, options, namespace })),
  );
  const chunks = Array.from({ length: Math.ceil((rules.length + 1) / MAX_RULES) }, (_, index) =>
    rules.slice(index * MAX_RULES, (index + 1) * MAX_RULES),
  );
  return ports.flatMap((port) =>
    chunks.map((chunk, index) => {
      const isLast = index === chunks.length - 1;
      const spec = {
        parentRefs: [{ group: '', kind: 'Service', name, port }],
        rules: [...chunk, ...(isLast ? [ownRule(name, port)] : [])],
      };
      const part = index === 0 ? '' : String(index);
      const place = { namespace, name: nameFrom('modelweir', name, String(port), part) };
      return istioObject('HTTPRoute', place, spec, options);
    }),
  );
}

interface RuleParts {
  readonly targets: Targets;
  readonly options: IstioOptions;
  readonly namespace: string;
}

function variantRule(
  route: ir.Route,
  variant: ir.Variant,
  { targets, options, namespace }: RuleParts,
): JsonObject {
  const target = targets.get(variant.target);
  // TLS is a DestinationRule's, which it cannot name: nothing must go there in plain text.
  const destination = target?.tls === null ? destinationOf(target, options) : null;
  const header = { type: 'Exact', name: CLUSTER_HEADER, value: variantKey(route, variant) };
  return {
    matches: [{ headers: [header] }],
    filters: [STRIP],
    // Without any, requests are answered with an error, as they should be.
    backendRefs: destination ? [backendRef(destination, namespace)] : [],
    timeouts: { request: gatewayDuration(route.timeoutMs) },
  };
}

/** A number may have five digits there. */
function gatewayDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return [`${seconds}s`, `${ms - seconds * 1000}ms`].filter((part) => !/^0/.test(part)).join('');
}

function backendRef({ host, port, service }: Destination, from: string): JsonObject {
  if (service === null) return { group: 'networking.istio.io', kind: 'Hostname', name: host, port };
  const { namespace, name } = splitName(service);
  return { name, port, ...(namespace === from ? {} : { namespace }) };
}

function ownRule(name: string, port: number): JsonObject {
  return { filters: [STRIP], backendRefs: [{ name, port }] };
}

/**
 * A route may send requests to a Service of another namespace only if somebody there lets it. That the model
 * itself may be used was granted for the ModelBackend; this says the same of its Service.
 */
export function referenceGrants(
  hosts: readonly RoutedHost[],
  targets: Targets,
  options: IstioOptions,
): IstioObject[] {
  const grants = new Map<string, IstioObject>();
  for (const { service: from, routes } of hosts) {
    if (from === null) continue;
    const { namespace: home } = splitName(from.name);
    for (const { target } of routes.flatMap(({ variants }) => variants)) {
      const service = targets.get(target)?.service?.name;
      if (service === undefined) continue;
      const { namespace, name } = splitName(service);
      if (namespace === home) continue;
      const spec = {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: home }],
        to: [{ group: '', kind: 'Service', name }],
      };
      const place = { namespace, name: nameFrom('modelweir', home, name) };
      grants.set(`${home} ${service}`, istioObject('ReferenceGrant', place, spec, options));
    }
  }
  return [...grants.values()];
}
