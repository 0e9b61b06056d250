/** Which hosts the routes that we write send requests to. Pure. */
import type { WantedObject } from '../../kube/object-plan.ts';
import { wholeHost } from './hosts.ts';
import type { NeededHost } from './sidecar-egress.ts';

interface Destinations {
  readonly hosts?: readonly string[];
  readonly http?: readonly {
    readonly route?: readonly { readonly destination?: { readonly host?: string } }[];
  }[];
  readonly rules?: readonly {
    readonly backendRefs?: readonly { readonly name: string; readonly namespace?: string }[];
  }[];
}

export function neededHosts(
  objects: readonly WantedObject[],
  clusterDomain: string,
): readonly NeededHost[] {
  const entries = new Map(
    objects
      .filter(({ kind }) => kind === 'ServiceEntry')
      .flatMap(({ metadata, spec }) =>
        ((spec as Destinations).hosts ?? []).map((host) => [host, metadata.namespace] as const),
      ),
  );
  const found = new Map<string, NeededHost>();
  for (const { metadata, spec } of objects) {
    const { http = [], rules = [] } = spec as Destinations;
    const names = [
      ...http.flatMap(({ route = [] }) => route.map(({ destination }) => destination?.host ?? '')),
      ...rules.flatMap(({ backendRefs = [] }) =>
        backendRefs.map((ref) =>
          wholeHost(ref.name, ref.namespace ?? metadata.namespace, clusterDomain),
        ),
      ),
    ];
    for (const name of names.filter((one) => one !== '')) {
      const host = wholeHost(name, metadata.namespace, clusterDomain);
      const namespace = entries.get(host) ?? namespaceOf(host) ?? metadata.namespace;
      found.set(host, { host, namespace });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

/** `models.shop.svc.cluster.local` is in `shop`; undefined: no Service's name. */
function namespaceOf(host: string): string | undefined {
  const [, namespace, svc] = host.split('.');
  return svc === 'svc' ? namespace : undefined;
}
