/**
 * A VirtualService for each host: the header that the splitter writes names the variant. It has no weights, so
 * it seldom changes; and its last entry is where requests go that no filter has looked at.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { CLUSTER_HEADER, REQUEST_HEADERS_OF_FILTERS } from '../../filters/contract/headers.ts';
import type * as ir from '../ir/mesh.ts';
import { retryRules } from '../xds/retry-policy.ts';
import type { Targets } from '../xds/targets.ts';
import { destinationJson, destinationOf, seconds, variantKey } from './destinations.ts';
import { mirrors } from './mirrors.ts';
import { type IstioObject, istioObject, nameFrom } from './objects.ts';
import { callersOf, type IstioOptions } from './options.ts';
import type { RoutedHost } from './routed-hosts.ts';
import { splitName } from './service-names.ts';
import type { Subsets } from './subsets.ts';

/** Whatever becomes of the filters, nobody behind the proxy sees what they write. */
const HEADERS = { request: { remove: [...REQUEST_HEADERS_OF_FILTERS] } };

export interface RoutingParts {
  readonly targets: Targets;
  readonly subsets: Subsets;
  readonly options: IstioOptions;
}

export function virtualService(routed: RoutedHost, parts: RoutingParts): IstioObject {
  const { options } = parts;
  const spec = {
    hosts: [routed.host],
    // Others could name a variant in the header by themselves: no filter of theirs takes it away.
    exportTo: callersOf(options),
    http: [
      ...routed.routes.flatMap((route) =>
        route.variants.map((variant) => variantEntry(route, variant, parts)),
      ),
      ...ownEntries(routed),
    ],
  };
  return istioObject('VirtualService', placeOf(routed, options), spec, options);
}

export function placeOf({ host, service }: RoutedHost, options: IstioOptions) {
  if (service === null)
    return { namespace: options.systemNamespace, name: nameFrom('modelweir', host) };
  const { namespace, name } = splitName(service.name);
  return { namespace, name: nameFrom('modelweir', name) };
}

function variantEntry(route: ir.Route, variant: ir.Variant, parts: RoutingParts): JsonObject {
  const { targets, subsets, options } = parts;
  const name = variantKey(route, variant);
  const match = [{ headers: { [CLUSTER_HEADER]: { exact: name } } }];
  const target = targets.get(variant.target);
  const destination = target && destinationOf(target, options);
  if (target === undefined || !destination || !subsets.isReached(target)) {
    return { name, match, directResponse: { status: 503 } };
  }
  const retries = retriesOf(route, targets);
  const copies = mirrors(route, variant, parts);
  return {
    name,
    match,
    route: [{ destination: destinationJson(destination, subsets.of(target)) }],
    timeout: seconds(route.timeoutMs),
    ...(retries === null ? {} : { retries }),
    ...(copies.length === 0 ? {} : { mirrors: copies }),
    headers: HEADERS,
  };
}

/** Null: what the mesh does without being asked, which tries again where nothing was sent. */
function retriesOf(route: ir.Route, targets: Targets): JsonObject | null {
  // Other variants are not tried: their names of the model are others.
  const rules = retryRules({ ...route, fallback: [] }, targets);
  if (rules === null) return null;
  const words = rules.on.flatMap((word) =>
    word === 'retriable-status-codes' ? rules.statuses.map(String) : [word],
  );
  return {
    attempts: rules.retries,
    retryOn: words.join(','),
    backoff: seconds(rules.backoffMs),
    ...(rules.firstByteTimeoutMs === null
      ? {}
      : { perTryTimeout: seconds(rules.firstByteTimeoutMs) }),
  };
}

/** As if we were not there; a host that is nobody's Service has nothing of that kind. */
function ownEntries({ host, service, ports }: RoutedHost): JsonObject[] {
  if (service === null) {
    const body = { string: 'no model route takes this request\n' };
    return [{ name: 'modelweir/not-found', directResponse: { status: 404, body } }];
  }
  return ports.map((port) => ({
    name: `modelweir/own/${port}`,
    match: [{ port }],
    route: [{ destination: { host, port: { number: port } } }],
    headers: HEADERS,
  }));
}
